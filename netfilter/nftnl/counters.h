#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/ruleset/counters.h"

#include <string>
#include <string_view>

/// The named counters of tables (NFT_OBJECT_COUNTER).
namespace meshgate::netfilter {

/// `counter NAME { packets P bytes B }`: it starts at those values.
NftObject build_counter(std::string_view table, const CounterValue& value);

/// The names of what a table was given besides the counters of its rules: what its bridge counted
/// while it served (netfilter/nftnl/replacement.h). No rule refers to them.
std::string earlier_counter(std::string_view name);
bool is_earlier_counter(std::string_view name) noexcept;

/// What a table has counted, earlier counts included; none for a table that is not there.
/// @throws KernelError
Counters read_counters_of(Netlink& netlink, std::string_view table);

/// The same of `table` and its bridge together, as one generation of the ruleset: whichever serves,
/// no count is lost or seen twice, so that a sum never goes down during a replacement.
/// @throws KernelError, with EAGAIN when the ruleset never stands still.
Counters read_counters(Netlink& netlink, std::string_view table);

}  // namespace meshgate::netfilter
