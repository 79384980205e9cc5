#pragma once

#include "netfilter/nftnl/netlink.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

/// The elements of maps of VIPs. A dump costs the square of their number: the kernel walks a hash
/// map from its beginning for each message of 32 KiB (net/netfilter/nft_set_hash.c,
/// nft_rhash_walk()). So what is in a large one is asked for key by key: the rules and the VIPs'
/// classes say which keys it has, and the kernel says how many, so that none goes unseen.
namespace meshgate::netfilter {

/// From so many elements on, single questions cost less than a dump.
inline constexpr std::size_t lookups_pay_from = 50'000;

struct MapReading {
    Netlink::Dumped dumped = Netlink::Dumped::interrupted;
    bool all_known = true;  ///< false: elements that the model cannot express were left out
};

/// Called again and again while much is read: for whoever has a queue that must not overflow.
using Meanwhile = std::function<void()>;

/// Fills `map` with what the kernel has in the map of its name.
/// @param count  how many those are, as the kernel says
/// @throws std::system_error
MapReading read_elements(Netlink& netlink, std::string_view table, ClassMap& map,
                         std::optional<std::size_t> count, const Meanwhile& meanwhile);

/// @param rules  with the chains and the class maps of the table
MapReading read_elements(Netlink& netlink, std::string_view table, EndpointMap& map,
                         std::optional<std::size_t> count, const Ruleset& rules,
                         const Meanwhile& meanwhile);

/// The keys that `map` has to have for the rules and classes of `rules`, sorted. What comes to more
/// than `most` is left out.
std::vector<VipSlot> expected_keys(const Ruleset& rules, const EndpointMap& map, std::size_t most);

}  // namespace meshgate::netfilter
