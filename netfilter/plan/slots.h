#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Shares of endpoints as numbers of slots: what a connection draws is the number of a slot.
namespace meshgate::netfilter {

/// Slots of one port of a VIP at most. An endpoint has one at least.
inline constexpr std::size_t slots_max = 256;

/// Up to so many slots, a VIP keeps its chain whoever of its endpoints is alive: what draws a slot
/// that has nobody draws again of one slot less, and so on, which leaves the shares as they are. A
/// verdict map that gets another element costs the kernel a walk through the whole of it
/// (nft_lookup_validate() in net/netfilter/nft_lookup.c); a map of endpoints does not.
inline constexpr std::size_t redrawn_slots_max = 16;

/// Slots of a VIP whose endpoints take turns or are chosen by the client's address: always so many,
/// whoever is alive, so that a change of one moves nobody else. A number that 2, 3, 4, 5, 6, 8, 10
/// and 12 divide, and large enough for shares within 1 %.
inline constexpr std::size_t fixed_slots = 120;

/// The number of slots of each endpoint: as few as say the weights exactly, or else as come nearest
/// with `most` at most.
/// @pre no weight is 0
/// @return none when a share would be wrong by more than one part in a hundred of the whole.
std::optional<std::vector<std::size_t>> fewest_slots(std::span<const std::uint32_t> weights,
                                                     std::size_t most = slots_max);

/// The endpoint of each slot, by its index, of `count` slots: spread, so that one endpoint's come
/// seldom one after the other. Those of who is not alive are the others' in the same manner.
/// Empty when nobody is alive.
/// @pre alive has the size of weights; no more than `count` of them
std::vector<std::size_t> spread_slots(std::span<const std::uint32_t> weights,
                                      const std::vector<bool>& alive, std::size_t count);

}  // namespace meshgate::netfilter
