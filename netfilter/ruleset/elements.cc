#include "netfilter/ruleset/elements.h"

#include <algorithm>
#include <cstdint>

namespace meshgate::netfilter {
namespace {

template <class Range>
std::vector<Range> merged_ranges(std::vector<Range> ranges) {
    std::ranges::sort(ranges);
    std::vector<Range> result;
    for (const Range& range : ranges) {
        // 64 bits: the range after the highest uid does not wrap to 0
        if (!result.empty() && range.first <= std::uint64_t{result.back().last} + 1) {
            result.back().last = std::max(result.back().last, range.last);
        } else {
            result.push_back(range);
        }
    }
    return result;
}

/// The network that consists of exactly these two, in that order.
bool are_halves(const Cidr& low, const Cidr& high) {
    if (low.prefix != high.prefix || low.prefix == 0 || low == high) return false;
    if (low.base.family() != high.base.family()) return false;
    const Cidr parent{low.base, static_cast<std::uint8_t>(low.prefix - 1)};
    return parent.last() == high.last() && parent.contains(high);
}

}  // namespace

PortElements merged(std::vector<PortRange> ports) {
    return merged_ranges(std::move(ports));
}

UidElements merged(std::vector<UidRange> users) {
    return merged_ranges(std::move(users));
}

GidElements merged(std::vector<GidRange> groups) {
    return merged_ranges(std::move(groups));
}

MarkElements merged(std::vector<Mark> marks) {
    std::ranges::sort(marks);
    const auto rest = std::ranges::unique(marks);
    marks.erase(rest.begin(), rest.end());
    return marks;
}

std::vector<Cidr> merged(std::vector<Cidr> networks) {
    std::ranges::sort(networks);  // of equal bases the larger network comes first
    std::vector<Cidr> result;
    for (const Cidr& network : networks) {
        if (!result.empty() && result.back().contains(network)) continue;
        result.push_back(network);
        while (result.size() > 1 && are_halves(result[result.size() - 2], result.back())) {
            result.pop_back();
            --result.back().prefix;
        }
    }
    return result;
}

}  // namespace meshgate::netfilter
