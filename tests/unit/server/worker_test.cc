#include "tests/unit/server/loopback.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate;
using namespace meshgate::test;

TEST_CASE("no query goes unanswered while the table is swapped") {
    Server server{{.workers = 2}};
    Client udp{Kind::udp, server.at()};
    Client tcp{Kind::tcp, server.at()};
    constexpr int swaps = 50;
    constexpr int queries_each = 100;
    std::thread swapper{[&] {
        for (int i = 1; i <= swaps; ++i)
            server.set_table(std::make_shared<HandTable>(static_cast<std::uint8_t>(i)));
    }};
    int answered = 0;
    for (int i = 0; i < swaps * queries_each; ++i) {
        const auto id = static_cast<std::uint16_t>(i);
        udp.send(query(id, "backend.own"));
        tcp.send_message(query(id, "backend.own"));
        for (Client* client : {&udp, &tcp}) {
            const auto reply = client->receive();
            if (reply && id_of(*reply) == id && rcode_of(*reply) == 0) ++answered;
        }
    }
    swapper.join();
    CHECK(answered == 2 * swaps * queries_each);
    udp.send(query(1, "backend.own"));
    const auto last = udp.receive();
    REQUIRE(last);
    CHECK(last->back() == swaps);
}

TEST_CASE("the old table is let go once the new one is in place") {
    Server server;
    auto old = std::make_shared<HandTable>(7);
    const std::weak_ptr<HandTable> watch = old;
    server.set_table(std::move(old));
    CHECK_FALSE(watch.expired());
    server.set_table(std::make_shared<HandTable>(8));
    CHECK(eventually([&] { return watch.expired(); }));
}

TEST_CASE("draining answers what is queued, then run() returns and the port is closed") {
    Server server;
    Client udp{Kind::udp, server.at()};
    Client tcp{Kind::tcp, server.at()};
    tcp.send_message(query(1, "backend.own"));
    REQUIRE(tcp.receive());
    for (std::uint16_t id = 0; id < 100; ++id) udp.send(query(id, "backend.own"));
    tcp.send_message(query(2, "backend.own"));
    server.stop();
    for (int i = 0; i < 100; ++i) CHECK(udp.receive());
    CHECK(tcp.receive());
    CHECK(tcp.closed_by_server());
    CHECK_THROWS(Client{Kind::tcp, server.at()});
}

TEST_CASE("what is asked of a worker before it runs and after it ended is done") {
    const auto any = address("127.0.0.1");
    auto bound = dns::server::bind_sockets({&any, 1}, 1);
    dns::server::Worker worker{std::move(bound.workers[0]), {}};
    auto first = worker.set_tables(std::make_shared<HandTable>());
    auto second = worker.set_routes({});
    worker.drain(std::chrono::seconds{1});
    worker.run();
    first.get();
    second.get();
    worker.set_tables(std::make_shared<HandTable>()).get();
    CHECK(worker.upstreams().get().empty());
}
