#pragma once

#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"

#include <optional>
#include <string_view>

namespace meshgate::netfilter {

/// Reads a table back as one generation of the ruleset: when somebody changes nf_tables meanwhile,
/// it starts again.
/// @throws KernelError, with EAGAIN when the ruleset never stands still.
std::optional<Installed> read_table(Netlink& netlink, std::string_view table);

}  // namespace meshgate::netfilter
