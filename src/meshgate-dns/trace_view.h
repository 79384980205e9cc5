#pragma once

#include "dns/server/trace_report.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dnsd {

/// What `query --trace` shows: the way a question took, "meshgate-dns.trace/1". Times are
/// microseconds since the question came.
struct TraceView {
    struct Kept {
        std::uint32_t age_seconds = 0;
        std::uint32_t ttl_seconds = 0;  ///< that it was fresh for
        bool failure = false;           ///< upstreams failed: that is what is kept
    };
    struct Step {
        std::int64_t microseconds = 0;
        std::string what;       ///< "asked", "replied"; the words of forward::Trace::What
        std::string server;     ///< empty where none is meant
        std::string transport;  ///< "udp", "tcp"; empty where none is meant
        std::string rcode;      ///< of "replied", else empty
    };

    std::string source;  ///< owned, cache, stale, upstream, local: the words of the metrics
    std::int64_t microseconds = 0;
    std::size_t worker = 0;  ///< from 1; each has a cache of its own
    std::size_t workers = 1;
    std::optional<Kept> kept;  ///< what that cache had before
    std::vector<Step> steps;
    std::vector<std::uint8_t> reply;  ///< the answer as it would be sent
};

TraceView make_trace_view(const dns::server::TraceReport& report, std::size_t worker,
                          std::size_t workers);

std::string to_json(const TraceView& view);

/// The other way round. @throws std::runtime_error for any other text.
TraceView parse_trace(std::string_view json);

/// The same for people, a line a step, each after ";;".
std::string to_text(const TraceView& view);

}  // namespace meshgate::dnsd
