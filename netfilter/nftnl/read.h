#pragma once

#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace meshgate::netfilter {

/// The number of the ruleset's present generation: every transaction of anybody counts it up. What is
/// read later is of this one; of a later one only if the number is another by then.
/// @throws KernelError
std::uint32_t generation(Netlink& netlink);

/// The same without waiting for what is about to come into force: whether there was a transaction
/// since generation(). @throws KernelError
std::uint32_t last_generation(Netlink& netlink);

enum class TablePresence : std::uint8_t { absent, dormant, active };

/// @throws KernelError
TablePresence presence(Netlink& netlink, std::string_view table);

/// Our mark in it; none when there is no such table, or another's. @throws KernelError
std::optional<Ownership> table_ownership(Netlink& netlink, std::string_view table);

/// NFT_TABLE_F_...; 0 when there is no such table. @throws KernelError
std::uint32_t table_flags(Netlink& netlink, std::string_view table);

/// The netlink port of its owner; 0 when it has none. @throws KernelError
std::uint32_t table_owner(Netlink& netlink, std::string_view table);

/// Reads a table back as it was at one moment: when somebody changes it meanwhile, it starts again.
/// Changes of other tables do not matter.
/// @throws KernelError, with EAGAIN when it never stands still.
/// @param at  gets a generation of the ruleset in which it was like that
std::optional<Installed> read_table(Netlink& netlink, std::string_view table,
                                    std::uint32_t* at = nullptr);

}  // namespace meshgate::netfilter
