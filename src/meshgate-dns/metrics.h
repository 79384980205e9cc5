#pragma once

#include "dns/forward/forwarder.h"
#include "dns/server/stats.h"
#include "src/meshgate-dns/feeds.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dnsd {

/// Everything /metrics shows.
struct MetricsInput {
    std::string_view version;
    std::span<const dns::server::WorkerStats* const> workers;  ///< added up
    std::vector<dns::forward::UpstreamState> upstreams;
    std::vector<FeedState> feeds;
    std::uint64_t names = 0;
    std::uint64_t reloads_ok = 0;
    std::uint64_t reloads_failed = 0;
    bool last_reload_ok = true;
    std::uint64_t query_log_lost = 0;
};

/// Prometheus text exposition format 0.0.4. No label ever holds a name or an address of a client:
/// the number of series has a bound, and nobody from the network can write into it.
std::string to_prometheus(const MetricsInput& input);

}  // namespace meshgate::dnsd
