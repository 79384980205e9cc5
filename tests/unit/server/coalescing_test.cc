#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::Dropped;

namespace {

/// A worker whose upstream holds its answers to "held.example" back until it is told.
struct Holding {
    explicit Holding(const dns::server::WorkerLimits& limits = {})
        : server{Server::Options{.limits = limits}} {
        server.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
        releasing.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
    }

    void release() {
        Client client{Kind::udp, releasing.at()};
        client.send(query(3, "release.example"));
        REQUIRE(client.receive());
    }
    /// Waits until so many queries were received in all.
    void received(std::uint64_t count) {
        REQUIRE(eventually([&] {
            const auto& queries = server.stats().queries;
            return queries[0][0].get() + queries[1][0].get() == count;
        }));
    }

    Upstream upstream;
    Server server;
    Server releasing;
};

}  // namespace

TEST_CASE("CVE-2020-25686: a question that is asked often is one query upstream") {
    Holding h;
    constexpr std::uint16_t clients = 40;
    std::vector<Client> waiting;
    std::vector<Bytes> asked;
    for (std::uint16_t id = 1; id <= clients; ++id) {
        // Whatever a client can vary without asking something else.
        const std::string name = id % 2 == 0 ? "held.example" : "HELD.Example";
        const auto edns = id % 3 == 0 ? std::nullopt : std::optional<std::uint16_t>(512 + id);
        waiting.emplace_back(id % 4 == 0 ? Kind::tcp : Kind::udp, h.server.at());
        asked.push_back(query(id, name, 1, edns));
        waiting.back().send_message(asked.back());
    }
    h.received(clients);
    h.release();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        CAPTURE(i);
        const auto reply = waiting[i].receive();
        REQUIRE(reply);
        CHECK(id_of(*reply) == i + 1);
        CHECK(rcode_of(*reply) == 0);
        CHECK((*reply)[7] == 1);
        const auto name_end = asked[i].begin() + 12 + 14 + 4;
        CHECK(std::equal(asked[i].begin() + 12, name_end, reply->begin() + 12));
        // An OPT for who sent one; the first has the reply as it was, and that server knows no EDNS.
        if (i > 0) CHECK((*reply)[11] == asked[i][11]);
    }
    CHECK(h.server.stats().responses[3][0].get() == clients);
    CHECK(h.upstream.queries() == 2);  // with the release
}

TEST_CASE("when the first client goes away the others still get their answer") {
    Holding h;
    Client second{Kind::udp, h.server.at()};
    {
        Client first{Kind::tcp, h.server.at()};
        first.send_message(query(1, "held.example"));
        h.received(1);
        second.send(query(2, "held.example"));
        h.received(2);
    }
    h.release();
    const auto reply = second.receive();
    REQUIRE(reply);
    CHECK(id_of(*reply) == 2);
    CHECK(h.upstream.queries() == 2);  // with the release
}

TEST_CASE("a failure is everybody's who waited for it") {
    dns::server::WorkerLimits limits;
    limits.forward.first_try = std::chrono::milliseconds{20};
    limits.forward.total = std::chrono::milliseconds{200};
    Holding h{limits};
    std::vector<Client> waiting;
    for (std::uint16_t id = 1; id <= 5; ++id) {
        waiting.emplace_back(Kind::udp, h.server.at());
        waiting.back().send(query(id, "silent.example", 1, 1232));
    }
    for (Client& client : waiting) {
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(rcode_of(*reply) == 2);
        CHECK(extended_error(*reply) == 22);
    }
}

TEST_CASE("as many as may wait for one question are a quarter of all, the rest are told at once") {
    dns::server::WorkerLimits limits;
    limits.forward.in_flight = 8;
    Holding h{limits};
    std::vector<Client> waiting;
    for (std::uint16_t id = 1; id <= 4; ++id) {
        waiting.emplace_back(Kind::udp, h.server.at());
        waiting.back().send(query(id, "held.example", 1, 1232));
        h.received(id);
    }
    const auto refused = waiting.back().receive();
    REQUIRE(refused);
    CHECK(rcode_of(*refused) == 2);
    Client other{Kind::udp, h.server.at()};  // there is room for other names
    other.send(query(9, "www.example"));
    CHECK(other.receive());
    h.release();
    for (std::size_t i = 0; i < 3; ++i) CHECK(waiting[i].receive());
    CHECK(h.server.stats().dropped[static_cast<std::size_t>(Dropped::overload)].get() == 1);
}

TEST_CASE("CVE-2025-5994: what has an option for the answer is asked for each client") {
    Holding h;
    std::vector<Client> waiting;
    for (std::uint16_t id = 1; id <= 2; ++id) {
        Bytes asked = query(id, "held.example", 1, 1232);
        asked[asked.size() - 1] = 8;  // ECS (RFC 7871)
        asked.insert(asked.end(), {0, 8, 0, 4, 0, 1, 0, 0});
        waiting.emplace_back(Kind::udp, h.server.at());
        waiting.back().send(asked);
    }
    h.received(2);
    REQUIRE(eventually([&] { return h.upstream.queries() == 2; }));
    h.release();
    for (Client& client : waiting) CHECK(client.receive());
    CHECK(h.server.stats().cache_entries.get() == 0);  // and nobody else is given it
}
