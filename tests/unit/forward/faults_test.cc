#include "client.h"

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <array>
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

TEST_CASE("the probe is no client's query") {
    Client client;
    FakeServer good{client.context};
    auto gone = std::make_unique<FakeServer>(client.context);
    const std::uint16_t port = gone->at().port;
    client.use({gone.get(), &good});
    gone.reset();
    good.on_udp = answers;
    std::uint64_t ticket = 0;
    while (client.forwarder->upstreams().at(0).up) {
        REQUIRE(ticket < 10);
        client.ask(++ticket);
        client.wait_for(ticket);
    }
    FakeServer back{client.context, "127.0.0.1", port};
    Bytes probe;
    back.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        if (probe.empty()) probe = query;
        reply(reply_to(query, 5));  // any reply shows that it lives
    };
    client.wait_until([&] {
        client.ask(++ticket);
        client.wait_for(ticket);
        return client.forwarder->upstreams().at(0).up;
    });
    REQUIRE(probe.size() == 17);
    probe[0] = probe[1] = 0;
    CHECK(probe == Bytes{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1});
    CHECK(client.failures.empty());
}

TEST_CASE("a server that went silent is asked from new ports: ours may be what is wrong") {
    forward::Limits limits = quick();
    limits.udp_sockets = 1;
    Client client{limits};
    FakeServer server{client.context};
    client.use({&server});
    client.ask(1);
    client.wait_until([&] { return server.client_ports.size() >= 5; });
    CHECK(server.client_ports.front() != server.client_ports.back());
    server.on_udp = answers;
    client.ask(2);
    client.wait_for(2);
    CHECK(client.replies.count(2) == 1);
}

TEST_CASE("ports are renewed under load and no query is lost") {
    forward::Limits limits;
    limits.udp_sockets = 1;
    Client client{limits};
    FakeServer server{client.context};
    server.on_udp = answers;
    client.use({&server});
    std::uint64_t ticket = 0;
    while (ticket < 4200) {
        for (int i = 0; i < 40; ++i) client.ask(ticket++);
        client.wait_for(ticket);
    }
    CHECK(client.failures.empty());
    CHECK(server.udp_queries == ticket);
    CHECK(server.client_ports.front() != server.client_ports.back());
}

TEST_CASE("a reply from another address or port is not even seen") {
    Client client;
    FakeServer server{client.context};
    asio::ip::udp::socket stranger{client.context, {asio::ip::make_address("127.0.0.1"), 0}};
    server.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        stranger.send_to(asio::buffer(reply_to(query, 3)),
                         {asio::ip::make_address("127.0.0.1"), server.client_ports.back()});
        reply(reply_to(query));
    };
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes()));
    CHECK(client.forwarder->ignored_replies() == 0);
}

TEST_CASE("all ids but the right one are refused") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = [&](Bytes query, const FakeServer::Reply& reply) {
        for (unsigned i = 1; i <= 500; ++i) {
            Bytes wrong = query;
            const unsigned id = (query[0] * 256U + query[1] + i * 131) & 0xffffU;
            wrong[0] = static_cast<std::uint8_t>(id >> 8U);
            wrong[1] = static_cast<std::uint8_t>(id);
            reply(reply_to(wrong, 3));
            client.context.poll();  // as they come: the kernel's queue is short
        }
        reply(reply_to(query));
    };
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes()));
    CHECK(client.forwarder->ignored_replies() == 500);
}

TEST_CASE("IPv6 servers, and a link that is not there") {
    Client client;
    FakeServer server{client.context, "::1"};
    server.on_udp = truncates;
    server.on_tcp = answers;
    conf::SocketAddress nowhere = conf::SocketAddress::parse("[fe80::1%nosuch0]", 53).value();
    client.forwarder->set_routes(dns::forward::one_route({nowhere, server.at()}));
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes()));
    client.forwarder->set_routes(dns::forward::one_route({nowhere}));
    client.ask(2);
    client.wait_for(2);
    CHECK(client.failures.at(2) == forward::Failure::network);
}
