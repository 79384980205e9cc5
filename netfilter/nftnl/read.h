#pragma once

#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace meshgate::netfilter {

/// The number of the ruleset's present generation: every transaction of anybody counts it up.
/// @throws KernelError
std::uint32_t generation(Netlink& netlink);

enum class TablePresence : std::uint8_t { absent, dormant, active };

/// @throws KernelError
TablePresence presence(Netlink& netlink, std::string_view table);

/// NFT_TABLE_F_...; 0 when there is no such table. @throws KernelError
std::uint32_t table_flags(Netlink& netlink, std::string_view table);

/// The netlink port of its owner; 0 when it has none. @throws KernelError
std::uint32_t table_owner(Netlink& netlink, std::string_view table);

/// Reads a table back as one generation of the ruleset: when somebody changes nf_tables meanwhile,
/// it starts again.
/// @throws KernelError, with EAGAIN when the ruleset never stands still.
/// @param at  gets the generation of the ruleset that it was read from
std::optional<Installed> read_table(Netlink& netlink, std::string_view table,
                                    std::uint32_t* at = nullptr);

}  // namespace meshgate::netfilter
