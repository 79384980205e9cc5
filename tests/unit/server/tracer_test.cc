#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <ostream>

using namespace meshgate;
using namespace meshgate::test;
using dns::forward::Trace;
using dns::forward::Transport;
using dns::server::Source;
using dns::server::TraceReport;
using What = Trace::What;

namespace {

struct Traced {
    explicit Traced(bool with_upstream = true)
        : server{
              Server::Options{.limits = {.cache_bytes = std::size_t{1} << 20,
                                         .forward = {.first_try = std::chrono::milliseconds{300},
                                                     .total = std::chrono::milliseconds{700}}}}} {
        if (with_upstream) use_upstream();
    }
    void use_upstream() {
        server.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
    }

    std::future<TraceReport> begin(std::string_view name) {
        auto promise = std::make_shared<std::promise<TraceReport>>();
        auto report = promise->get_future();
        server.worker().trace(query(7, name),
                              [promise](TraceReport done) { promise->set_value(std::move(done)); });
        return report;
    }
    TraceReport ask(std::string_view name) {
        auto report = begin(name);
        REQUIRE(report.wait_for(patience) == std::future_status::ready);
        return report.get();
    }

    Upstream upstream;
    Server server;
};

std::vector<What> steps_of(const TraceReport& report) {
    std::vector<What> out;
    for (const auto& step : report.steps) out.push_back(step.what);
    return out;
}

}  // namespace

TEST_CASE("a trace says where the answer came from: the table, upstream, then the cache") {
    Traced t;
    const auto owned = t.ask("www.own");
    CHECK(owned.source == Source::owned);
    CHECK(owned.steps.empty());
    CHECK_FALSE(owned.kept);

    const auto first = t.ask("www.example");
    CHECK(first.source == Source::upstream);
    CHECK(steps_of(first) == std::vector{What::asked, What::replied});
    CHECK(first.steps[0].server == t.upstream.at());
    CHECK(first.steps[0].transport == Transport::udp);
    CHECK(first.steps[1].rcode == dns::wire::Rcode::noerror);
    CHECK(first.began <= first.steps[0].at);
    CHECK(first.steps[0].at <= first.steps[1].at);
    CHECK(first.steps[1].at <= first.ended);
    CHECK_FALSE(first.kept);
    CHECK(id_of(first.reply) == 7);

    const auto again = t.ask("www.example");
    CHECK(again.source == Source::cache);
    CHECK(again.steps.empty());
    REQUIRE(again.kept);
    CHECK(again.kept->ttl == 60);
    CHECK(again.kept->is_fresh());
    CHECK(again.reply.size() == first.reply.size());
    CHECK(t.upstream.queries() == 1);
}

TEST_CASE("a trace shows a reply that was cut and had again over TCP") {
    Traced t;
    const auto report = t.ask("2000.size");
    CHECK(report.source == Source::upstream);
    CHECK(steps_of(report) ==
          std::vector{What::asked, What::truncated, What::asked, What::replied});
    CHECK(report.steps[2].transport == Transport::tcp);
    CHECK(report.reply.size() == 2000);
}

TEST_CASE("a trace shows servers that are silent, refuse, or are not there") {
    Traced t;
    t.upstream.set(Upstream::Mood::silent);
    const auto silent = t.ask("a.example");
    CHECK(silent.source == Source::local);
    CHECK(steps_of(silent) == std::vector{What::asked, What::silent, What::asked, What::expired});
    CHECK(rcode_of(silent.reply) == 2);
    const auto kept = t.ask("a.example");
    CHECK(kept.source == Source::cache);
    REQUIRE(kept.kept);
    CHECK(kept.kept->failure);

    t.upstream.set(Upstream::Mood::well);
    const auto refused = t.ask("refuse");
    CHECK(refused.source == Source::upstream);
    CHECK(steps_of(refused) == std::vector{What::asked, What::replied});
    CHECK(refused.steps[1].rcode == dns::wire::Rcode::refused);

    Traced alone{false};
    const auto nobody = alone.ask("www.example");
    CHECK(steps_of(nobody) == std::vector{What::nobody});
    CHECK(nobody.source == Source::local);
}

TEST_CASE("a trace of a question that is on its way already says that it shares the reply") {
    Traced t;
    Client client{Kind::udp, t.server.at()};
    client.send(query(1, "held"));
    REQUIRE(eventually([&] { return t.upstream.queries() == 1; }));
    auto report = t.begin("held");
    // The second one is with the worker before the release of the first is asked for.
    REQUIRE(t.ask("www.own").source == Source::owned);
    client.send(query(2, "release"));
    REQUIRE(report.wait_for(patience) == std::future_status::ready);
    const auto shared = report.get();
    CHECK(steps_of(shared) == std::vector{What::joined});
    CHECK(shared.source == Source::upstream);
}

TEST_CASE(
    "a trace whose answer is a stale one ends there, and the way upstream goes on without it") {
    Traced t;
    CHECK(t.ask("1.ttl").source == Source::upstream);
    t.upstream.set(Upstream::Mood::silent);
    REQUIRE(eventually([&] { return t.ask("1.ttl").source != Source::cache; }));
    const auto stale = t.ask("1.ttl");
    CHECK(stale.source == Source::stale);
    REQUIRE(stale.kept);
    CHECK_FALSE(stale.kept->is_fresh());
}

TEST_CASE("a trace of what is no query is answered as the query is, or with nothing") {
    Traced t;
    const auto ask = [&](Bytes message) {
        auto promise = std::make_shared<std::promise<TraceReport>>();
        auto report = promise->get_future();
        t.server.worker().trace(std::move(message), [promise](TraceReport done) {
            promise->set_value(std::move(done));
        });
        REQUIRE(report.wait_for(patience) == std::future_status::ready);
        return report.get();
    };
    CHECK(ask({1, 2, 3}).reply.empty());
    Bytes update = query(9, "www.example");
    update[2] = 5U << 3U;
    CHECK(rcode_of(ask(update).reply) == 4);
}
