#include "src/meshgate-dns/coredns/metrics.h"

#include "src/meshgate-dns/coredns/command_line.h"
#include "src/meshgate-dns/exposition.h"
#include "src/meshgate-dns/verbs.h"
#include "src/meshgate-dns/words.h"

#include <array>
#include <utility>

namespace meshgate::coredns {
namespace {

using dns::server::Counter;
using dns::server::Source;
using dns::server::WorkerStats;
using dnsd::Exposition;
using dnsd::labels;
using dnsd::total;

using Ports = std::vector<PortMetrics>;

constexpr std::array<std::string_view, 2> protos{"udp", "tcp"};
constexpr std::array<std::string_view, 2> families{"1", "2"};  // IANA's numbers, as coredns has it
constexpr std::size_t rcodes_always_shown = 6;

/// The directive that an answer is from; nothing for what the server itself says.
std::string_view plugin_of(std::size_t source, const PortPlan& plan) {
    switch (static_cast<Source>(source)) {
    case Source::owned:
        return "hosts";
    case Source::cache:
    case Source::stale:
        return "cache";
    case Source::upstream:
        return "forward";
    case Source::local:
        break;
    }
    return plan.plugins.contains("template") ? "template" : "";
}

std::uint64_t answered_from(const PortMetrics& port, Source source) {
    std::uint64_t sum = 0;
    for (const WorkerStats* worker : port.workers) {
        for (const Counter& counter : worker->responses[static_cast<std::size_t>(source)]) {
            sum += counter.get();
        }
    }
    return sum;
}

void write_plugins(Exposition& out, const Ports& ports) {
    out.family("coredns_plugin_enabled", "gauge", "Directives of a server block.");
    for (const PortMetrics& port : ports) {
        for (const std::string& name : port.plan->plugins) {
            out.sample(labels({{"name", name},
                               {"server", port.plan->server},
                               {"view", ""},
                               {"zone", port.plan->zone}}),
                       1);
        }
    }
}

void write_requests_of(Exposition& out, const PortMetrics& port, std::size_t proto,
                       std::size_t family) {
    for (std::size_t t = 0; t < dns::server::counted_types.size(); ++t) {
        const auto count = total(port.workers, [&](const WorkerStats& stats) -> const Counter& {
            return stats.queries[proto][family].of(t);
        });
        if (count == 0) continue;
        out.sample(labels({{"family", families[family]},
                           {"proto", protos[proto]},
                           {"server", port.plan->server},
                           {"type", dns::server::counted_types[t].first},
                           {"view", ""},
                           {"zone", port.plan->zone}}),
                   count);
    }
}

void write_requests(Exposition& out, const Ports& ports) {
    out.family("coredns_dns_requests_total", "counter", "Queries received.");
    for (const PortMetrics& port : ports) {
        for (std::size_t p = 0; p < protos.size(); ++p) {
            for (std::size_t f = 0; f < families.size(); ++f) write_requests_of(out, port, p, f);
        }
    }
}

void write_responses(Exposition& out, const Ports& ports) {
    out.family("coredns_dns_responses_total", "counter", "Responses sent.");
    for (const PortMetrics& port : ports) {
        // By directive, as two sources may be one.
        std::map<std::pair<std::string_view, std::size_t>, std::uint64_t> counts;
        for (std::size_t s = 0; s < dnsd::source_words.size(); ++s) {
            for (std::size_t r = 0; r < dnsd::rcode_words.size(); ++r) {
                counts[{plugin_of(s, *port.plan), r}] +=
                    total(port.workers, [s, r](const WorkerStats& stats) -> const Counter& {
                        return stats.responses[s][r];
                    });
            }
        }
        for (const auto& [key, count] : counts) {
            const bool shown = key.second < rcodes_always_shown && key.first == "forward" &&
                               port.plan->plugins.contains("forward");
            if (count == 0 && !shown) continue;
            out.sample(labels({{"plugin", key.first},
                               {"rcode", dnsd::rcode_words[key.second]},
                               {"server", port.plan->server},
                               {"view", ""},
                               {"zone", port.plan->zone}}),
                       count);
        }
    }
}

void write_durations(Exposition& out, const Ports& ports) {
    out.family("coredns_dns_request_duration_seconds", "histogram",
               "Time from a query's arrival to its response.");
    const auto& bounds = dns::server::duration_buckets_seconds;
    for (const PortMetrics& port : ports) {
        const std::string of =
            labels({{"server", port.plan->server}, {"view", ""}, {"zone", port.plan->zone}});
        std::uint64_t cumulative = 0;
        for (std::size_t b = 0; b <= bounds.size(); ++b) {
            cumulative += total(port.workers, [b](const WorkerStats& s) -> const Counter& {
                return s.durations[b];
            });
            const std::string bound = b < bounds.size() ? Exposition::number(bounds[b]) : "+Inf";
            out.sample(of + "," + dnsd::label("le", bound), cumulative, "_bucket");
        }
        const auto nanoseconds = total(port.workers, [](const WorkerStats& s) -> const Counter& {
            return s.duration_nanoseconds;
        });
        out.sample(of, static_cast<double>(nanoseconds) / 1e9, "_sum");
        out.sample(of, cumulative, "_count");
    }
}

/// A family with one sample for each port that has the directive.
template <class Value>
void write_each(Exposition& out, const Ports& ports, std::string_view plugin, std::string_view name,
                std::string_view type, std::string_view help, Value value) {
    out.family(name, type, help);
    for (const PortMetrics& port : ports) {
        if (!port.plan->plugins.contains(std::string{plugin})) continue;
        out.sample(
            labels({{"server", port.plan->server}, {"view", ""}, {"zones", port.plan->zone}}),
            value(port));
    }
}

void write_cache(Exposition& out, const Ports& ports) {
    const auto hits = [](const PortMetrics& port) {
        return answered_from(port, Source::cache) + answered_from(port, Source::stale);
    };
    const auto misses = [](const PortMetrics& port) {
        return answered_from(port, Source::upstream);
    };
    write_each(out, ports, "cache", "coredns_cache_entries", "gauge", "Answers kept.",
               [](const PortMetrics& port) {
                   return total(
                       port.workers,
                       [](const WorkerStats& s) -> const auto& { return s.cache_entries; });
               });
    write_each(out, ports, "cache", "coredns_cache_hits_total", "counter",
               "Queries answered from the cache.", hits);
    write_each(out, ports, "cache", "coredns_cache_misses_total", "counter",
               "Queries that an upstream answered.", misses);
    write_each(out, ports, "cache", "coredns_cache_requests_total", "counter", "Both together.",
               [&](const PortMetrics& port) { return hits(port) + misses(port); });
    write_each(out, ports, "cache", "coredns_cache_served_stale_total", "counter",
               "Queries answered with what was true a while ago.",
               [](const PortMetrics& port) { return answered_from(port, Source::stale); });
}

void write_upstreams(Exposition& out, const Ports& ports) {
    out.family("coredns_forward_requests_total", "counter", "Queries sent to an upstream.");
    for (const PortMetrics& port : ports) {
        for (const auto& upstream : port.upstreams) {
            out.sample(
                labels({{"server", port.plan->server}, {"to", upstream.address.to_string()}}),
                upstream.requests);
        }
    }
}

}  // namespace

std::string to_prometheus(const Ports& ports, std::uint64_t reloads_failed) {
    Exposition out;
    out.family("coredns_build_info", "gauge", "Which program this is.");
    out.sample(labels({{"goversion", ""}, {"revision", dnsd::version}, {"version", level}}), 1);
    write_plugins(out, ports);
    write_requests(out, ports);
    write_responses(out, ports);
    write_durations(out, ports);
    write_cache(out, ports);
    write_each(out, ports, "hosts", "coredns_hosts_entries", "gauge", "Names of hosts files.",
               [](const PortMetrics& port) { return port.host_names; });
    write_upstreams(out, ports);
    out.family("coredns_panics_total", "counter", "Always 0: a worker that fails ends the server.");
    out.sample("", 0);
    out.family("coredns_reload_failed_total", "counter", "Corefiles that could not be taken.");
    out.sample("", reloads_failed);
    return out.take();
}

}  // namespace meshgate::coredns
