#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <ostream>
#include <set>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::Dropped;
using dns::server::Source;

namespace {

std::uint64_t dropped(const Server& server, Dropped why) {
    return server.stats().dropped[static_cast<std::size_t>(why)].get();
}

std::uint64_t responses(const Server& server, Source source, std::size_t rcode) {
    return server.stats().responses[static_cast<std::size_t>(source)][rcode].get();
}

void use(Server& server, std::vector<conf::SocketAddress> upstreams) {
    server.worker().set_routes(dns::forward::one_route(std::move(upstreams))).get();
}

/// Short times, so that what has to fail fails soon.
dns::server::WorkerLimits impatient() {
    dns::server::WorkerLimits limits;
    limits.forward.first_try = std::chrono::milliseconds{50};
    limits.forward.total = std::chrono::milliseconds{200};
    return limits;
}

}  // namespace

TEST_CASE("a name that is not ours is answered by the upstream, over UDP and TCP") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    for (const Kind kind : {Kind::udp, Kind::tcp}) {
        Client client{kind, server.at()};
        const Bytes asked = query(0xbeef, "wWw.ExAmPlE.com");
        client.send_message(asked);
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(id_of(*reply) == 0xbeef);
        CHECK(std::equal(asked.begin() + 12, asked.end(), reply->begin() + 12));  // case kept
        CHECK((*reply)[7] == 1);
    }
    server.stop();
    CHECK(responses(server, Source::upstream, 0) == 2);
    CHECK(upstream.queries() == 2);
}

TEST_CASE("an owned name never reaches the upstream") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    Client client{Kind::udp, server.at()};
    for (const std::uint16_t type : {1, 28, 6, 255, 252}) {
        client.send(query(1, "backend.own", type));
        REQUIRE(client.receive());
    }
    CHECK(upstream.queries() == 0);
}

TEST_CASE("a large reply is cut for the client that cannot take it, and only for that one") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    Client small{Kind::udp, server.at()};
    small.send(query(1, "3000.size.example"));
    auto reply = small.receive();
    REQUIRE(reply);
    CHECK(is_truncated(*reply));
    CHECK(reply->size() <= 512);
    CHECK((*reply)[7] == 0);
    Client large{Kind::udp, server.at()};
    large.send(query(2, "3000.size.example", 1, 4096));
    reply = large.receive();
    REQUIRE(reply);
    CHECK_FALSE(is_truncated(*reply));
    CHECK(reply->size() == 3000 + 11);  // and an OPT of ours, for who sent one
    Client stream{Kind::tcp, server.at()};
    stream.send_message(query(3, "60000.size.example"));
    reply = stream.receive();
    REQUIRE(reply);
    CHECK(reply->size() == 60000);
}

TEST_CASE("a retransmit is not asked twice and not answered twice") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    Client client{Kind::udp, server.at()};
    for (int i = 0; i < 3; ++i) client.send(query(5, "held.example"));
    client.send(query(6, "release.example"));
    std::multiset<std::uint16_t> ids;
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.receive();
        REQUIRE(reply);
        ids.insert(id_of(*reply));
    }
    CHECK(ids == std::multiset<std::uint16_t>{5, 6});
    server.stop();
    CHECK(dropped(server, Dropped::duplicate) == 2);
    CHECK(server.stats().queries[0][0].get() == 4);
}

TEST_CASE("replies overtake each other on a TCP connection") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    Client client{Kind::tcp, server.at()};
    client.send_message(query(1, "held.example"));
    client.send_message(query(2, "www.example"));
    client.send_message(query(3, "backend.own"));
    std::set<std::uint16_t> ids;
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.receive();
        REQUIRE(reply);
        ids.insert(id_of(*reply));
    }
    CHECK(ids == std::set<std::uint16_t>{2, 3});
    client.send_message(query(4, "release.example"));
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.receive();
        REQUIRE(reply);
        ids.insert(id_of(*reply));
    }
    CHECK(ids.size() == 4);
}

TEST_CASE("more pipelined queries than a connection may have in flight are all answered") {
    Upstream upstream;
    dns::server::WorkerLimits limits;
    limits.tcp_in_flight = 2;
    Server server{{.limits = limits}};
    use(server, {upstream.at()});
    Client client{Kind::tcp, server.at()};
    for (std::uint16_t id = 0; id < 50; ++id)
        client.send_message(
            query(id, "n" + std::to_string(id) + (id % 3 == 0 ? ".own" : ".example")));
    client.end_input();
    std::set<std::uint16_t> ids;
    for (int i = 0; i < 50; ++i) {
        const auto reply = client.receive();
        REQUIRE(reply);
        ids.insert(id_of(*reply));
    }
    CHECK(ids.size() == 50);
    CHECK(client.closed_by_server());
}

TEST_CASE("a TCP client that goes away takes its queries with it") {
    Upstream upstream;
    dns::server::WorkerLimits limits;
    limits.forward.in_flight = 4;
    Server server{{.limits = limits}};
    use(server, {upstream.at()});
    {
        Client gone{Kind::tcp, server.at()};
        for (std::uint16_t id = 0; id < 4; ++id) gone.send_message(query(id, "silent.example"));
        REQUIRE(eventually([&] { return server.stats().queries[1][0].get() == 4; }));
        const linger reset{1, 0};
        setsockopt(gone.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    // All four places are taken until the connection is known to be gone.
    Client client{Kind::udp, server.at()};
    std::uint16_t id = 0;
    CHECK(eventually([&] {
        client.send(query(++id, "www.example"));
        const auto reply = client.receive();
        return reply && rcode_of(*reply) == 0;
    }));
}

TEST_CASE("above the limit in flight a client is told at once") {
    Upstream upstream;
    dns::server::WorkerLimits limits;
    limits.forward.in_flight = 2;
    Server server{{.limits = limits}};
    use(server, {upstream.at()});
    Client client{Kind::udp, server.at()};
    client.send(query(1, "silent.example"));
    client.send(query(2, "silent.example.org"));
    client.send(query(3, "www.example", 1, 1232));
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(id_of(*reply) == 3);
    CHECK(rcode_of(*reply) == 2);
    CHECK(extended_error(*reply) == 0);
    server.stop(std::chrono::milliseconds{0});
    CHECK(dropped(server, Dropped::overload) == 1);
}

TEST_CASE("without an upstream, and without an answer in time, SERVFAIL says why") {
    Upstream upstream;
    Server server{{.limits = impatient()}};
    for (const bool has_upstream : {false, true}) {
        CAPTURE(has_upstream);
        if (has_upstream) use(server, {upstream.at()});
        for (const Kind kind : {Kind::udp, Kind::tcp}) {
            Client client{kind, server.at()};
            const Bytes asked = query(9, "silent.example", 1, 1232);
            client.send_message(asked);
            auto reply = client.receive();
            REQUIRE(reply);
            CHECK(id_of(*reply) == 9);
            CHECK(rcode_of(*reply) == 2);
            CHECK(extended_error(*reply) == 22);
            CHECK(std::equal(asked.begin() + 12, asked.begin() + 12 + 20, reply->begin() + 12));
            client.send_message(query(10, "silent.example"));
            reply = client.receive();
            REQUIRE(reply);
            CHECK(rcode_of(*reply) == 2);
            CHECK((*reply)[11] == 0);  // no OPT asked, none given
        }
    }
}

TEST_CASE("a loop through ourselves is cut, counted and answered") {
    Server server{{.limits = impatient()}};
    use(server, {server.at()});
    Client client{Kind::udp, server.at()};
    client.send(query(9, "www.example", 1, 1232));
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) != 0);
    server.stop();
    CHECK(server.stats().loops.get() >= 1);
    CHECK(server.stats().queries[0][0].get() < 20);
}

TEST_CASE("draining waits for the upstream") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    Client udp{Kind::udp, server.at()};
    Client tcp{Kind::tcp, server.at()};
    udp.send(query(1, "held.example"));
    tcp.send_message(query(2, "held.example"));
    REQUIRE(eventually([&] {
        return server.stats().queries[0][0].get() == 1 && server.stats().queries[1][0].get() == 1;
    }));
    Server releasing;
    use(releasing, {upstream.at()});
    std::thread release{[&] {
        Client client{Kind::udp, releasing.at()};
        client.send(query(3, "release.example"));
        static_cast<void>(client.receive());
    }};
    server.stop(patience);
    release.join();
    CHECK(udp.receive());
    CHECK(tcp.receive());
}

TEST_CASE("draining does not wait longer than its patience") {
    Upstream upstream;
    Server server;
    use(server, {upstream.at()});
    Client client{Kind::udp, server.at()};
    client.send(query(1, "silent.example"));
    REQUIRE(eventually([&] { return server.stats().queries[0][0].get() == 1; }));
    server.stop(std::chrono::milliseconds{20});
    CHECK_FALSE(client.receive(std::chrono::milliseconds{0}));
}
