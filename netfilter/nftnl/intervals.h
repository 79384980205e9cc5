#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace meshgate::netfilter {

/// One element of a set as the kernel holds it. In an interval set a range is an element at its
/// first key and an end element at the key after its last; keys are in network byte order, uids and
/// gids too: that is the order in which the kernel sorts. Elsewhere (marks) a key is as the packet
/// has it, in host order. The bytes above the key's length are 0.
struct IntervalElement {
    std::array<std::uint8_t, 16> key{};
    bool end = false;   ///< NFT_SET_ELEM_INTERVAL_END
    bool open = false;  ///< a start without an end: the range goes to the highest key

    friend bool operator==(const IntervalElement&, const IntervalElement&) noexcept = default;
};

/// The elements of `set` in order, with the leading end at key 0 that nft writes when the first
/// range starts above it (not where there are no ranges).
std::vector<IntervalElement> to_intervals(const Set& set);

/// The inverse: fills `set.elements` (whose alternative and family say the type) from elements in
/// any order. @return one line for each range that the type cannot express.
std::vector<std::string> from_intervals(std::vector<IntervalElement> elements, Set& set);

}  // namespace meshgate::netfilter
