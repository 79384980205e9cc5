#include "client.h"

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <memory>
#include <ostream>

using namespace meshgate;
using namespace meshgate::dns;
using namespace meshgate::test;

TEST_CASE("a server that was down is found again though another one is faster") {
    Client client;
    FakeServer fast{client.context};
    auto gone = std::make_unique<FakeServer>(client.context);
    const std::uint16_t port = gone->at().port;
    client.use({gone.get(), &fast});
    gone.reset();
    fast.on_udp = answers;
    std::uint64_t ticket = 0;
    const auto ask_one = [&] {
        client.ask(++ticket);
        client.wait_for(ticket);
    };
    while (client.forwarder->upstreams().at(0).up) {
        REQUIRE(ticket < 10);
        ask_one();
    }
    FakeServer back{client.context, "127.0.0.1", port};
    // It replies to a query when the other server has done so already.
    std::vector<std::pair<Bytes, FakeServer::Reply>> held;
    back.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        held.emplace_back(query, reply);
    };
    client.wait_until([&] {
        ask_one();
        for (const auto& [query, reply] : held) reply(reply_to(query));
        held.clear();
        return client.forwarder->upstreams().at(0).up;
    });
    CHECK(client.failures.empty());
}

TEST_CASE("a refusal ends every query on its socket, also when a later send() is told of it") {
    forward::Limits limits = quick();
    limits.first_try = patience;
    limits.udp_sockets = 1;
    Client client{limits};
    auto gone = std::make_unique<FakeServer>(client.context);
    client.use({gone.get()});
    gone.reset();
    for (std::uint64_t i = 0; i < 4; ++i) client.ask(i);
    client.wait_for(4);
    for (std::uint64_t i = 0; i < 4; ++i) {
        CHECK(client.failures.at(i) == forward::Failure::network);
    }
}

TEST_CASE("without a free descriptor the sockets that are open serve") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = answers;
    client.use({&server});
    client.ask(0);
    client.wait_for(1);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none = before;
    none.rlim_cur = 3;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    for (std::uint64_t i = 1; i <= 20; ++i) client.ask(i);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    client.wait_for(21);
    CHECK(client.replies.size() == 21);
    CHECK(client.forwarder->upstreams().at(0).up);
    CHECK(client.forwarder->upstreams().at(0).failures == 0);
}
