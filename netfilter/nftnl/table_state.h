#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/ruleset/installed.h"

#include <optional>
#include <string>

namespace meshgate::netfilter {

/// The table with its flags and userdata, without what is in it; null when there is none.
/// @throws KernelError
NftTable ask_for_table(Netlink& netlink, const std::string& name);

/// Our mark in its userdata.
std::optional<Ownership> ownership_of(const nftnl_table& table);

}  // namespace meshgate::netfilter
