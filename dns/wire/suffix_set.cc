#include "dns/wire/suffix_set.h"

#include <algorithm>

namespace meshgate::dns::wire {

SuffixSet::SuffixSet(const std::vector<std::vector<std::uint8_t>>& suffixes) {
    for (std::size_t i = 0; i < suffixes.size(); ++i) sorted_.emplace_back(suffixes[i], i);
    std::sort(sorted_.begin(), sorted_.end());
}

std::optional<SuffixSet::Match>
SuffixSet::longest(std::span<const std::uint8_t> lower) const noexcept {
    for (std::size_t at = 0; at < lower.size(); at += 1U + lower[at]) {
        const auto suffix = lower.subspan(at);
        const auto found = std::lower_bound(
            sorted_.begin(), sorted_.end(), suffix,
            [](const auto& entry, std::span<const std::uint8_t> wanted) {
                return std::lexicographical_compare(entry.first.begin(), entry.first.end(),
                                                    wanted.begin(), wanted.end());
            });
        if (found != sorted_.end() &&
            std::equal(found->first.begin(), found->first.end(), suffix.begin(), suffix.end())) {
            return Match{found->second, suffix.size()};
        }
    }
    return std::nullopt;
}

}  // namespace meshgate::dns::wire
