#include "src/meshgate-dns/metrics.h"

#include "src/meshgate-dns/exposition.h"
#include "src/meshgate-dns/words.h"

#include <array>

namespace meshgate::dnsd {
namespace {

using dns::server::Counter;
using dns::server::QueryCounter;
using dns::server::WorkerStats;

constexpr std::array<std::string_view, 2> protos{"udp", "tcp"};
constexpr std::array<std::string_view, 2> families{"ipv4", "ipv6"};
/// Series of these are there from the start, so that a rate() over them has a first value.
constexpr std::size_t rcodes_always_shown = 6;

void write_queries(Exposition& out, std::span<const WorkerStats* const> workers) {
    out.family("meshgate_dns_queries_total", "counter", "Queries received.");
    for (std::size_t p = 0; p < protos.size(); ++p) {
        for (std::size_t f = 0; f < families.size(); ++f) {
            out.sample(labels({{"proto", protos[p]}, {"family", families[f]}}),
                       total(workers, [p, f](const WorkerStats& s) -> const QueryCounter& {
                           return s.queries[p][f];
                       }));
        }
    }
}

void write_responses(Exposition& out, std::span<const WorkerStats* const> workers) {
    out.family("meshgate_dns_responses_total", "counter", "Responses sent.");
    for (std::size_t s = 0; s < source_words.size(); ++s) {
        for (std::size_t r = 0; r < rcode_words.size(); ++r) {
            const auto count = total(workers, [s, r](const WorkerStats& stats) -> const Counter& {
                return stats.responses[s][r];
            });
            if (count == 0 && r >= rcodes_always_shown) continue;
            out.sample(labels({{"rcode", rcode_words[r]}, {"source", source_words[s]}}), count);
        }
    }
}

void write_durations(Exposition& out, std::span<const WorkerStats* const> workers) {
    out.family("meshgate_dns_request_duration_seconds", "histogram",
               "Time from a query's arrival to its response.");
    const auto& bounds = dns::server::duration_buckets_seconds;
    std::uint64_t cumulative = 0;
    for (std::size_t b = 0; b <= bounds.size(); ++b) {
        cumulative +=
            total(workers, [b](const WorkerStats& s) -> const Counter& { return s.durations[b]; });
        out.sample(label("le", b < bounds.size() ? Exposition::number(bounds[b]) : "+Inf"),
                   cumulative, "_bucket");
    }
    const auto nanoseconds = total(
        workers, [](const WorkerStats& s) -> const Counter& { return s.duration_nanoseconds; });
    out.sample("", static_cast<double>(nanoseconds) / 1e9, "_sum");
    out.sample("", cumulative, "_count");
}

void write_upstreams(Exposition& out, const std::vector<dns::forward::UpstreamState>& upstreams) {
    out.family("meshgate_dns_upstream_requests_total", "counter", "Queries sent to an upstream.");
    for (const auto& u : upstreams)
        out.sample(label("upstream", u.address.to_string()), u.requests);
    out.family("meshgate_dns_upstream_failures_total", "counter",
               "Queries an upstream did not answer usefully.");
    for (const auto& u : upstreams)
        out.sample(label("upstream", u.address.to_string()), u.failures);
    out.family("meshgate_dns_upstream_up", "gauge", "1 while every worker finds the upstream up.");
    for (const auto& u : upstreams) {
        out.sample(label("upstream", u.address.to_string()), u.up ? 1 : 0);
    }
}

void write_times(Exposition& out, const std::vector<dns::forward::UpstreamState>& upstreams) {
    out.family("meshgate_dns_upstream_rtt_seconds", "gauge",
               "Smoothed time to a reply over UDP; none before the first.");
    for (const auto& u : upstreams) {
        if (!u.time_to_reply) continue;
        out.sample(label("upstream", u.address.to_string()),
                   std::chrono::duration<double>{*u.time_to_reply}.count());
    }
}

void write_reloads(Exposition& out, const MetricsInput& input) {
    out.family("meshgate_dns_names", "gauge", "Owned names with data.");
    out.sample("", input.names);
    out.family("meshgate_dns_reloads_total", "counter", "Reloads of the configuration.");
    out.sample(label("result", "ok"), input.reloads_ok);
    out.sample(label("result", "failed"), input.reloads_failed);
    out.family("meshgate_dns_config_last_reload_successful", "gauge",
               "1 if the last reload, or the start, took the configuration.");
    out.sample("", input.last_reload_ok ? 1 : 0);
}

void write_feeds(Exposition& out, const std::vector<FeedState>& feeds) {
    if (feeds.empty()) return;
    out.family("meshgate_dns_feed_up", "gauge", "1 if the last look at the feed went well.");
    for (const auto& feed : feeds) out.sample(label("feed", feed.name), feed.ok ? 1 : 0);
    out.family("meshgate_dns_feed_age_seconds", "gauge",
               "Time since the last look that went well; none before the first.");
    for (const auto& feed : feeds) {
        if (feed.age_seconds) out.sample(label("feed", feed.name), *feed.age_seconds);
    }
    out.family("meshgate_dns_feed_names", "gauge", "Names that the feed told last.");
    for (const auto& feed : feeds) out.sample(label("feed", feed.name), feed.names);
    out.family("meshgate_dns_feed_skipped", "gauge",
               "Names and addresses it told last that are none.");
    for (const auto& feed : feeds) out.sample(label("feed", feed.name), feed.skipped);
    out.family("meshgate_dns_feed_looks_total", "counter", "Looks at the feed.");
    for (const auto& feed : feeds) {
        out.sample(labels({{"feed", feed.name}, {"result", "changed"}}), feed.changed);
        out.sample(labels({{"feed", feed.name}, {"result", "unchanged"}}), feed.unchanged);
        out.sample(labels({{"feed", feed.name}, {"result", "failed"}}), feed.failed);
    }
}

}  // namespace

std::string to_prometheus(const MetricsInput& input) {
    Exposition out;
    out.family("meshgate_build_info", "gauge", "Which program this is.");
    out.sample(labels({{"program", "meshgate-dns"}, {"version", input.version}}), 1);
    write_queries(out, input.workers);
    write_responses(out, input.workers);
    write_durations(out, input.workers);
    write_upstreams(out, input.upstreams);
    write_times(out, input.upstreams);
    out.family("meshgate_dns_cache_entries", "gauge", "Answers kept in the cache.");
    out.sample("", total(input.workers, [](const WorkerStats& s) -> const dns::server::Gauge& {
                   return s.cache_entries;
               }));
    out.family("meshgate_dns_cache_bytes", "gauge", "Memory of the cache in bytes.");
    out.sample("", total(input.workers, [](const WorkerStats& s) -> const dns::server::Gauge& {
                   return s.cache_bytes;
               }));
    write_reloads(out, input);
    write_feeds(out, input.feeds);
    out.family("meshgate_dns_loops_total", "counter", "Own queries that a redirect brought back.");
    out.sample(
        "", total(input.workers, [](const WorkerStats& s) -> const Counter& { return s.loops; }));
    out.family("meshgate_dns_dropped_total", "counter", "Queries and connections not answered.");
    for (std::size_t r = 0; r < dns::server::dropped_names.size(); ++r) {
        out.sample(label("reason", dns::server::dropped_names[r]),
                   total(input.workers,
                         [r](const WorkerStats& s) -> const Counter& { return s.dropped[r]; }));
    }
    out.family("meshgate_dns_query_log_lost_total", "counter",
               "Queries that should be in the query log and are not.");
    out.sample("", input.query_log_lost);
    return out.take();
}

}  // namespace meshgate::dnsd
