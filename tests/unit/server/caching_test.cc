#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::Source;

namespace {

dns::server::WorkerLimits with_cache() {
    dns::server::WorkerLimits limits;
    limits.cache_bytes = std::size_t{1} << 20;
    return limits;
}

/// A worker with a cache, its upstream, and a client.
struct Caching {
    explicit Caching(const dns::server::WorkerLimits& limits = with_cache())
        : server{Server::Options{.limits = limits}}, client{Kind::udp, server.at()} {
        server.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
    }

    Bytes ask(std::string_view name, std::uint16_t type = 1) {
        return ask(query(++id, name, type));
    }
    Bytes ask(const Bytes& question) {
        client.send(question);
        const auto reply = client.receive();
        REQUIRE(reply);
        return *reply;
    }
    [[nodiscard]] std::uint64_t responses(Source source, std::size_t rcode = 0) const {
        return server.stats().responses[static_cast<std::size_t>(source)][rcode].get();
    }

    Upstream upstream;
    Server server;
    Client client;
    std::uint16_t id = 0;
};

/// Of an answer whose only record has 4 bytes of data, without OPT.
unsigned ttl_of(const Bytes& reply) {
    return reply[reply.size() - 7];
}

}  // namespace

TEST_CASE("what was answered is answered again without the upstream") {
    Caching c;
    const Bytes first = c.ask("www.example");
    const Bytes again = c.ask(query(0xbeef, "WWW.eXample"));
    CHECK(id_of(again) == 0xbeef);
    CHECK(again.size() == first.size());
    CHECK(ttl_of(again) <= 60);
    Client stream{Kind::tcp, c.server.at()};
    stream.send_message(query(7, "www.example"));
    CHECK(stream.receive());
    CHECK(c.upstream.queries() == 1);
    CHECK(eventually([&] { return c.responses(Source::cache) == 2; }));
    CHECK(c.server.stats().cache_entries.get() == 1);
    CHECK(c.server.stats().cache_bytes.get() > 0);
}

TEST_CASE("a question with an option for the answer goes upstream each time") {
    Caching c;
    Bytes asked = query(1, "www.example", 1, 1232);
    asked[asked.size() - 1] = 8;  // ECS (RFC 7871): 192.0.2.0/24
    asked.insert(asked.end(), {0, 8, 0, 4, 0, 1, 0, 0});
    c.ask(asked);
    c.ask(asked);
    CHECK(c.upstream.queries() == 2);
}

TEST_CASE("an upstream that fails is not asked again at once") {
    Caching c;
    c.upstream.set(Upstream::Mood::failing);
    CHECK(rcode_of(c.ask("www.example")) == 2);
    CHECK(rcode_of(c.ask("www.example")) == 2);
    CHECK(c.upstream.queries() == 1);
    CHECK(c.responses(Source::cache, 2) == 1);
}

TEST_CASE("when the upstream fails, what was true a while ago is answered") {
    Caching c;
    c.ask("1.ttl.example");
    c.upstream.set(Upstream::Mood::failing);
    REQUIRE(eventually([&] { return ttl_of(c.ask("1.ttl.example")) == 30; }));
    CHECK(c.responses(Source::stale) == 1);
    // Others need not wait for the failure again.
    const auto asked = c.upstream.queries();
    CHECK(extended_error(c.ask(query(9, "1.ttl.example", 1, 1232))) == 3U);
    CHECK(c.upstream.queries() == asked);
}

TEST_CASE("when the upstream takes long, the client does not wait for its end") {
    auto limits = with_cache();
    limits.forward.total = std::chrono::hours{1};
    Caching c{limits};
    c.ask("1.ttl.example");
    c.upstream.set(Upstream::Mood::silent);
    CHECK(eventually([&] { return ttl_of(c.ask("1.ttl.example")) == 30; }));
    CHECK(c.responses(Source::stale) == 1);
    c.server.stop();  // nobody waits any more
}

TEST_CASE("when there is no room to ask, what was true a while ago is answered") {
    auto limits = with_cache();
    limits.forward.in_flight = 1;
    limits.forward.total = std::chrono::hours{1};
    Caching c{limits};
    c.ask("1.ttl.example");
    c.client.send(query(500, "silent.example"));
    REQUIRE(eventually([&] { return c.upstream.queries() == 2; }));
    CHECK(eventually([&] { return ttl_of(c.ask("1.ttl.example")) == 30; }));
    CHECK(c.responses(Source::stale) == 1);
    CHECK(rcode_of(c.ask("other.example")) == 2);
    c.server.stop(std::chrono::milliseconds{0});
}

TEST_CASE("an answer in use is fetched anew before it ends") {
    Caching c;
    c.ask("10.ttl.example");
    CHECK(eventually([&] {
        c.ask("10.ttl.example");
        return c.upstream.queries() == 2;
    }));
    CHECK(eventually([&] { return ttl_of(c.ask("10.ttl.example")) > 5; }));
    CHECK(c.responses(Source::stale) == 0);
    CHECK(eventually([&] { return c.responses(Source::upstream) == 1; }));
}

TEST_CASE("flush forgets a name, or all") {
    Caching c;
    c.ask("www.example");
    c.ask("other.example");
    CHECK(c.server.worker()
              .flush({3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0})
              .get() == 1);
    CHECK(c.server.worker().flush({}).get() == 1);
    c.ask("other.example");
    CHECK(c.upstream.queries() == 3);
}

TEST_CASE("without a cache everything is asked") {
    Caching c{{}};
    c.ask("www.example");
    c.ask("www.example");
    CHECK(c.upstream.queries() == 2);
}

TEST_CASE("when names go other ways than before, what the old servers said is forgotten") {
    Caching c;
    Upstream corp;
    c.ask("www.example");
    auto routes = dns::forward::one_route({c.upstream.at()});
    c.server.worker().set_routes(routes).get();  // as it was
    c.ask("www.example");
    CHECK(c.upstream.queries() == 1);
    c.client.send(query(77, "held.example"));  // its answer comes after the change
    REQUIRE(eventually([&] { return c.upstream.queries() == 2; }));
    routes.push_back({{7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0}, {corp.at()}});
    c.server.worker().set_routes(routes).get();
    c.ask("www.example");
    CHECK(corp.queries() == 1);
    Server releasing;
    releasing.worker().set_routes(dns::forward::one_route({c.upstream.at()})).get();
    Client release{Kind::udp, releasing.at()};
    release.send(query(3, "release.example"));
    REQUIRE(release.receive());
    const auto late = c.client.receive();
    REQUIRE(late);
    CHECK(id_of(*late) == 77);
    c.client.send(query(78, "held.example"));
    CHECK(eventually([&] { return corp.queries() == 2; }));
}
