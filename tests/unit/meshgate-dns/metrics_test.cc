#include "src/meshgate-dns/metrics.h"

#include <array>
#include <memory>
#include <ostream>
#include <set>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::dnsd;
using meshgate::conf::SocketAddress;
using meshgate::dns::server::WorkerStats;

namespace {

std::string exposition(const std::array<WorkerStats, 2>& workers) {
    const std::array<const WorkerStats*, 2> pointers{&workers[0], &workers[1]};
    MetricsInput input;
    input.version = "0.1.0";
    input.workers = pointers;
    input.upstreams = {{SocketAddress::parse("192.0.2.1:53", 53).value(), true, 7, 1,
                        std::chrono::milliseconds{20}},
                       {SocketAddress::parse("[fe80::1%eth0]:53", 53).value(), false, 0, 0}};
    input.feeds = {{"kuma", true, 0.5, 100, 2, 3, 4, 5}};
    input.names = 12;
    input.reloads_ok = 3;
    input.reloads_failed = 2;
    input.last_reload_ok = false;
    return to_prometheus(input);
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("the workers' counters are added up under the names of the contract") {
    const auto workers = std::make_unique<std::array<WorkerStats, 2>>();
    for (const std::uint16_t type : {1, 1, 28, 65, 4711}) (*workers)[0].queries[0][0].add(type);
    for (const std::uint16_t type : {1, 0}) (*workers)[1].queries[0][0].add(type);
    for (const std::uint16_t type : {1, 28, 2, 5}) (*workers)[1].queries[1][1].add(type);
    (*workers)[0].responses[0][0].add(3);
    (*workers)[0].responses[4][2].add(1);
    (*workers)[0].responses[3][16].add(1);
    (*workers)[1].loops.add(6);
    (*workers)[1].dropped[3].add(8);
    const std::string text = exposition(*workers);
    for (const std::string line : {
             "meshgate_build_info{program=\"meshgate-dns\",version=\"0.1.0\"} 1",
             "meshgate_dns_queries_total{proto=\"udp\",family=\"ipv4\"} 7",
             "meshgate_dns_queries_total{proto=\"udp\",family=\"ipv6\"} 0",
             "meshgate_dns_queries_total{proto=\"tcp\",family=\"ipv6\"} 4",
             "meshgate_dns_responses_total{rcode=\"NOERROR\",source=\"owned\"} 3",
             "meshgate_dns_responses_total{rcode=\"SERVFAIL\",source=\"local\"} 1",
             "meshgate_dns_responses_total{rcode=\"BADVERS\",source=\"upstream\"} 1",
             "meshgate_dns_responses_total{rcode=\"NXDOMAIN\",source=\"stale\"} 0",
             "meshgate_dns_upstream_requests_total{upstream=\"192.0.2.1:53\"} 7",
             "meshgate_dns_upstream_failures_total{upstream=\"192.0.2.1:53\"} 1",
             "meshgate_dns_upstream_up{upstream=\"192.0.2.1:53\"} 1",
             "meshgate_dns_upstream_up{upstream=\"[fe80::1%eth0]:53\"} 0",
             "meshgate_dns_upstream_rtt_seconds{upstream=\"192.0.2.1:53\"} 0.02",
             "meshgate_dns_cache_entries 0",
             "meshgate_dns_cache_bytes 0",
             "meshgate_dns_names 12",
             "meshgate_dns_feed_up{feed=\"kuma\"} 1",
             "meshgate_dns_feed_age_seconds{feed=\"kuma\"} 0.5",
             "meshgate_dns_feed_names{feed=\"kuma\"} 100",
             "meshgate_dns_feed_skipped{feed=\"kuma\"} 2",
             "meshgate_dns_feed_looks_total{feed=\"kuma\",result=\"changed\"} 3",
             "meshgate_dns_feed_looks_total{feed=\"kuma\",result=\"unchanged\"} 4",
             "meshgate_dns_feed_looks_total{feed=\"kuma\",result=\"failed\"} 5",
             "meshgate_dns_reloads_total{result=\"ok\"} 3",
             "meshgate_dns_reloads_total{result=\"failed\"} 2",
             "meshgate_dns_config_last_reload_successful 0",
             "meshgate_dns_loops_total 6",
             "meshgate_dns_dropped_total{reason=\"tcp_limit\"} 8",
             "meshgate_dns_dropped_total{reason=\"malformed\"} 0",
         }) {
        CAPTURE(line);
        CHECK(has_line(text, line));
    }
    // Codes that never came are not 18 lines a source.
    CHECK(text.find("YXDOMAIN") == std::string::npos);
}

TEST_CASE("the histogram is cumulative, in seconds, and +Inf is the count") {
    const auto workers = std::make_unique<std::array<WorkerStats, 2>>();
    (*workers)[0].durations[0].add(10);
    (*workers)[1].durations[3].add(5);
    (*workers)[1].durations[14].add(1);
    (*workers)[1].duration_nanoseconds.add(6'500'000'000);
    const std::string text = exposition(*workers);
    const std::string name = "meshgate_dns_request_duration_seconds";
    CHECK(has_line(text, name + "_bucket{le=\"1e-05\"} 10"));
    CHECK(has_line(text, name + "_bucket{le=\"5e-05\"} 10"));
    CHECK(has_line(text, name + "_bucket{le=\"0.0001\"} 15"));
    CHECK(has_line(text, name + "_bucket{le=\"5\"} 15"));
    CHECK(has_line(text, name + "_bucket{le=\"+Inf\"} 16"));
    CHECK(has_line(text, name + "_sum 6.5"));
    CHECK(has_line(text, name + "_count 16"));
}

TEST_CASE("each family has HELP and TYPE once, before its samples, and no series comes twice") {
    const auto workers = std::make_unique<std::array<WorkerStats, 2>>();
    std::istringstream lines{exposition(*workers)};
    std::set<std::string> families;
    std::set<std::string> series;
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            CHECK(families.insert(family).second);
        } else if (line.starts_with("# TYPE ")) {
            CHECK(line.substr(7, family.size() + 1) == family + " ");
        } else {
            CHECK(line.starts_with(family));
            CHECK(series.insert(line.substr(0, line.rfind(' '))).second);
        }
    }
}
