#include "src/meshgate-dns/trace_view.h"

#include <chrono>
#include <ostream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::dnsd;
using dns::forward::Trace;
using dns::forward::Transport;
using dns::wire::Rcode;
using std::chrono::microseconds;

namespace {

dns::server::TraceReport report_with(std::initializer_list<Trace::Step> steps) {
    dns::server::TraceReport report;
    report.source = dns::server::Source::upstream;
    report.ended = report.began + microseconds{12345};
    report.reply = {0xab, 0xcd};
    report.steps = steps;
    return report;
}

Trace::Step step(Trace::What what, int after, Transport transport = Transport::udp,
                 Rcode rcode = Rcode::noerror) {
    return {dns::forward::Clock::time_point{} + microseconds{after}, what, transport, rcode,
            *conf::SocketAddress::parse("192.0.2.1:53", 53)};
}

}  // namespace

TEST_CASE("a trace for people is a sentence a step, the cache before and the answer after") {
    auto report =
        report_with({step(Trace::What::asked, 20), step(Trace::What::silent, 800020),
                     step(Trace::What::asked_plain, 800030, Transport::tcp),
                     step(Trace::What::replied, 812000, Transport::tcp, Rcode::nxdomain)});
    report.kept = dns::cache::Kept{300, 60, false};
    CHECK(to_text(make_trace_view(report, 1, 2)) ==
          ";; worker 2 of 2; its cache had an answer, 300 s old, 240 s past its end\n"
          ";; 0.020 ms: asked 192.0.2.1:53 over UDP\n"
          ";; 800.020 ms: 192.0.2.1:53 has not replied over UDP in time\n"
          ";; 800.030 ms: asked 192.0.2.1:53 over TCP, without EDNS\n"
          ";; 812.000 ms: 192.0.2.1:53 replied NXDOMAIN over TCP\n"
          ";; 12.345 ms: answered from upstream, 2 bytes\n");
}

TEST_CASE("a trace of an owned name has nothing to say of caches") {
    dns::server::TraceReport report;
    report.source = dns::server::Source::owned;
    CHECK(to_text(make_trace_view(report, 0, 4)) ==
          ";; 0.000 ms: answered from the names of this server, 0 bytes\n");
}

TEST_CASE("every kind of step has words of its own, and comes back from JSON") {
    using What = Trace::What;
    for (const auto what :
         {What::joined, What::asked, What::asked_plain, What::silent, What::unreachable,
          What::replied, What::truncated, What::other_case, What::nobody, What::expired}) {
        const auto view = make_trace_view(report_with({step(what, 5)}), 0, 1);
        const auto again = parse_trace(to_json(view));
        CAPTURE(view.steps[0].what);
        REQUIRE(again.steps.size() == 1);
        CHECK(again.steps[0].what == view.steps[0].what);
        CHECK(again.steps[0].server == view.steps[0].server);
        CHECK(again.steps[0].microseconds == 5);
        CHECK(to_text(again) == to_text(view));
        // The words of the JSON are no sentence: each has one.
        CHECK(to_text(view).find(view.steps[0].what + " 192") ==
              (what == What::asked ? to_text(view).find("asked 192") : std::string::npos));
    }
}

TEST_CASE("the JSON has a schema, and null where the cache had nothing") {
    auto report = report_with({step(Trace::What::replied, 20, Transport::udp, Rcode::refused)});
    CHECK(to_json(make_trace_view(report, 0, 2)) ==
          R"({"schema":"meshgate-dns.trace/1","source":"upstream","microseconds":12345,)"
          R"("worker":1,"workers":2,"cache":null,"steps":[{"microseconds":20,"what":"replied",)"
          R"("server":"192.0.2.1:53","transport":"udp","rcode":"REFUSED"}],"reply":"abcd"})"
          "\n");
    report.kept = dns::cache::Kept{1, 30, true};
    const auto view = parse_trace(to_json(make_trace_view(report, 0, 2)));
    REQUIRE(view.kept);
    CHECK(view.kept->age_seconds == 1);
    CHECK(view.kept->ttl_seconds == 30);
    CHECK(view.kept->failure);
    CHECK(view.reply == std::vector<std::uint8_t>{0xab, 0xcd});
}

TEST_CASE("what is no trace is refused with a reason") {
    for (const char* text : {"", "{}", "[]", R"({"schema":"meshgate-dns.trace/2"})",
                             R"({"schema":"meshgate-dns.trace/1","source":1})"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_trace(text), std::runtime_error);
    }
}
