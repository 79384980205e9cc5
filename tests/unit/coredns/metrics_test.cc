#include "src/meshgate-dns/coredns/metrics.h"

#include <memory>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using dns::server::Source;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("what the workers counted, under the names of coredns") {
    const auto plan = coredns::make_plan(conf::corefile::parse(
        ".:15053 {\n forward . 127.0.0.1:15054\n cache 30\n template IN AAAA . {\n"
        " rcode NOERROR\n }\n}\n",
        "Corefile"));
    const auto workers = std::make_unique<std::array<dns::server::WorkerStats, 2>>();
    for (auto& worker : *workers) {
        worker.received(dns::server::Proto::udp, dns::server::AddressFamily::ipv4, 1);
        worker.responded(Source::upstream, 0);
        worker.responded(Source::cache, 0);
        worker.responded(Source::local, 0);
    }
    (*workers)[1].received(dns::server::Proto::tcp, dns::server::AddressFamily::ipv6, 4711);
    coredns::PortMetrics port{&plan.ports[0], {&(*workers)[0], &(*workers)[1]}, {}, 0};
    port.upstreams = {{conf::SocketAddress::parse("127.0.0.1:15054", 53).value(), true, 7, 1}};
    const std::string text = coredns::to_prometheus({port}, 3);
    const std::string of = R"(server="dns://:15053",)";
    for (const std::string& line :
         {R"(coredns_dns_requests_total{family="1",proto="udp",)" + of +
              R"(type="A",view="",zone="."} 2)",
          R"(coredns_dns_requests_total{family="2",proto="tcp",)" + of +
              R"(type="other",view="",zone="."} 1)",
          R"(coredns_dns_responses_total{plugin="forward",rcode="NOERROR",)" + of +
              R"(view="",zone="."} 2)",
          R"(coredns_dns_responses_total{plugin="cache",rcode="NOERROR",)" + of +
              R"(view="",zone="."} 2)",
          R"(coredns_dns_responses_total{plugin="template",rcode="NOERROR",)" + of +
              R"(view="",zone="."} 2)",
          R"(coredns_cache_hits_total{)" + of + R"(view="",zones="."} 2)",
          R"(coredns_plugin_enabled{name="cache",)" + of + R"(view="",zone="."} 1)",
          R"(coredns_forward_requests_total{)" + of + R"(to="127.0.0.1:15054"} 7)",
          std::string{"coredns_reload_failed_total 3"}}) {
        CAPTURE(line);
        CHECK(has_line(text, line));
    }
}
