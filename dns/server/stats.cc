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

}  // namespace

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
