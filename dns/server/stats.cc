#include "dns/server/stats.h"

#include <algorithm>
#include <cmath>

namespace meshgate::dns::server {

namespace {

constexpr auto bucket_nanoseconds = [] {
    std::array<std::uint64_t, duration_buckets_seconds.size()> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::uint64_t>(duration_buckets_seconds[i] * 1e9 + 0.5);
    return out;
}();

/// For each type below 256, all that are counted by themselves.
constexpr auto type_places = [] {
    std::array<std::uint8_t, 256> places{};
    places.fill(counted_types.size() - 1);
    for (std::size_t i = 0; i + 1 < counted_types.size(); ++i) {
        places[counted_types[i].second] = static_cast<std::uint8_t>(i);
    }
    return places;
}();

}  // namespace

std::size_t counted_as(std::uint16_t type) noexcept {
    return type < type_places.size() ? type_places[type] : counted_types.size() - 1;
}

void WorkerStats::responded(Source source, unsigned rcode) noexcept {
    responses[static_cast<std::size_t>(source)][std::min<std::size_t>(rcode, rcode_count - 1)]
        .add();
}

void WorkerStats::took(std::chrono::nanoseconds each, std::uint64_t responses_sent) noexcept {
    if (responses_sent == 0) return;
    const auto nanoseconds =
        static_cast<std::uint64_t>(std::max(each, std::chrono::nanoseconds{0}).count());
    const auto* bucket =
        std::lower_bound(bucket_nanoseconds.begin(), bucket_nanoseconds.end(), nanoseconds);
    durations[static_cast<std::size_t>(bucket - bucket_nanoseconds.begin())].add(responses_sent);
    duration_nanoseconds.add(nanoseconds * responses_sent);
}

}  // namespace meshgate::dns::server
