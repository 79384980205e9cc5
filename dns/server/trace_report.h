#pragma once

#include "dns/cache/cache.h"
#include "dns/forward/trace.h"
#include "dns/server/stats.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace meshgate::dns::server {

/// The way one question took to its answer.
struct TraceReport {
    std::vector<std::uint8_t> reply;  ///< empty: there was nothing to answer
    Source source = Source::local;
    std::optional<cache::Kept> kept;  ///< what the cache had of it before
    forward::Clock::time_point began;
    forward::Clock::time_point ended;
    std::vector<forward::Trace::Step> steps;  ///< upstream; none when it was answered here
};

using TraceDone = std::function<void(TraceReport)>;

}  // namespace meshgate::dns::server
