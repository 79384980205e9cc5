#pragma once

#include "netfilter/nftnl/held.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Changes of map elements while the rules stay: what their size is does not matter, only what
/// differs.
namespace meshgate::netfilter {

/// A table as it was read, and of which generation of nf_tables.
struct Seen {
    std::uint32_t generation = 0;
    Installed table;
};

/// Makes the maps of the table in force those of `ruleset`, when it is the same in all but their
/// elements, by one transaction of the difference; slots that are too many go in a second one, for
/// a packet may have drawn its number already.
/// @param held  the table is to be held: false when it is not yet
/// @param seen  as it was read before: need not be read again if nothing was changed since
/// @return false when something else differs, and nothing was done.
/// @throws KernelError
bool update_elements(Netlink& netlink, const Ruleset& ruleset, const Ownership& ownership,
                     Held held, const std::optional<Seen>& seen = {});

/// The same of a table that has the maps of `before`, in force and with these elements.
/// @throws KernelError
void update_maps(Netlink& netlink, const Ruleset& before, const Ruleset& after);

/// Finds out that a table has as many elements in its maps as `ruleset`: libnftnl and netlink may
/// lose some of many without a word.
/// @throws KernelError
void verify_elements(Netlink& netlink, std::string_view table, const Ruleset& ruleset);

/// Makes single ports of VIPs what `updates` say, whatever they were. Nothing else is looked at: the
/// cost does not depend on the size of the maps.
/// @throws KernelError; ENOENT when there is no such table, map or chain
void update_vips(Netlink& netlink, std::string_view table, std::span<const VipUpdate> updates);

}  // namespace meshgate::netfilter
