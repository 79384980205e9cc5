#pragma once

#include "dns/forward/forwarder.h"
#include "dns/server/stats.h"
#include "src/meshgate-dns/coredns/plan.h"

#include <string>
#include <vector>

namespace meshgate::coredns {

/// A port and what its workers counted.
struct PortMetrics {
    const PortPlan* plan = nullptr;
    std::vector<const dns::server::WorkerStats*> workers;
    std::vector<dns::forward::UpstreamState> upstreams;
    std::size_t host_names = 0;
};

/// /metrics under the names that dashboards of coredns ask for, as far as there is something to
/// say. All zones of a port are counted under the one nearest to the root.
std::string to_prometheus(const std::vector<PortMetrics>& ports, std::uint64_t reloads_failed);

}  // namespace meshgate::coredns
