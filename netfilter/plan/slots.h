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

/// The numbers that random choice draws below: each up to 16, then four to a doubling, up to
/// slots_max. A VIP keeps the one that all of its endpoints need, whoever of them is alive, and with
/// it its chain: a verdict map that gets another element costs the kernel a walk through the whole of
/// it (nft_lookup_validate() in net/netfilter/nft_lookup.c); a map of endpoints does not.
/// @param slots  1..slots_max
/// @return the least that is not less than `slots`
std::size_t draw_for(std::size_t slots);

/// What is drawn below, one after the other, until a slot has somebody: the same number, and then
/// less and less. As the slots that have somebody are the first ones, and more than half, a share
/// changes by less than a 100th of itself, and by nothing up to 16.
/// @param draw  of draw_for()
/// @return the last but one finds somebody in any case; but before Linux 6.17 a lookup may miss an
/// element that is being replaced (nft_lookup_eval() in net/netfilter/nft_lookup.c), so it comes twice.
std::vector<std::size_t> draws_from(std::size_t draw);

/// Slots of a VIP whose endpoints take turns or are chosen by the client's address: always so many,
/// whoever is alive, so that a change of one moves nobody else. A number that 2, 3, 4, 5, 6, 8, 10
/// and 12 divide, and large enough for shares within 1 %.
inline constexpr std::size_t fixed_slots = 120;

/// The number of slots of each endpoint: as few as say the weights exactly, or else as come nearest
/// with `most` at most.
/// @pre no weight is 0; no more than `most` of them
std::vector<std::size_t> nearest_slots(std::span<const std::uint32_t> weights,
                                       std::size_t most = slots_max);

/// The draw_for() of all of them. @pre as above, with slots_max
std::size_t draw_for_weights(std::span<const std::uint32_t> weights);

/// nearest_slots() where it must be near enough.
/// @return none when a share would be wrong by more than one part in a hundred of the whole, or
/// `most` are too few.
std::optional<std::vector<std::size_t>> fewest_slots(std::span<const std::uint32_t> weights,
                                                     std::size_t most = slots_max);

/// The endpoint of each slot, by its index, that `draw` is for: nearest_slots() of those that are
/// alive, as many times over as there is room for. Empty when nobody is alive.
/// @pre alive has the size of weights; no more than `draw` of them
std::vector<std::size_t> drawn_slots(std::span<const std::uint32_t> weights,
                                     const std::vector<bool>& alive, std::size_t draw);

/// The endpoint of each slot, by its index, of `count` slots: spread, so that one endpoint's come
/// seldom one after the other. Those of who is not alive are the others' in the same manner.
/// Empty when nobody is alive.
/// @pre alive has the size of weights; no more than `count` of them
std::vector<std::size_t> spread_slots(std::span<const std::uint32_t> weights,
                                      const std::vector<bool>& alive, std::size_t count);

}  // namespace meshgate::netfilter
