#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace meshgate::dns::wire {

/// Names of which it is asked which is the longest that another name ends in. Immutable once made;
/// asking allocates nothing and costs a binary search for each label.
class SuffixSet {
public:
    SuffixSet() = default;
    /// @param suffixes  in lower-case wire form, none twice.
    explicit SuffixSet(const std::vector<std::vector<std::uint8_t>>& suffixes);

    struct Match {
        std::size_t index;  ///< of the suffix, as it was given
        std::size_t bytes;  ///< of the suffix
    };
    /// The longest that `lower`, a name in lower-case wire form, is or lies below.
    [[nodiscard]] std::optional<Match> longest(std::span<const std::uint8_t> lower) const noexcept;

    [[nodiscard]] bool empty() const noexcept { return sorted_.empty(); }

    friend bool operator==(const SuffixSet&, const SuffixSet&) = default;

private:
    std::vector<std::pair<std::vector<std::uint8_t>, std::size_t>> sorted_;
};

}  // namespace meshgate::dns::wire
