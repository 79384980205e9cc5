#include "client.h"

#include <doctest/doctest.h>

#include <memory>
#include <ostream>

using namespace meshgate;
using namespace meshgate::dns;
using namespace meshgate::test;

TEST_CASE("a truncated reply sends the query to TCP, where a whole one comes, of any size") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply(truncated(query));
    };
    server.on_tcp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply(reply_to(query, 0, 65535 - query.size()));
    };
    client.use({&server});
    for (std::uint64_t i = 1; i <= 5; ++i) {
        client.ask(i);
        client.wait_for(i);
        CHECK(client.replies.at(i).size() == 65535);
    }
    CHECK(server.tcp_queries == 5);
    CHECK(server.tcp_accepted == 1);  // the connection is used again
}

TEST_CASE("several queries share a connection and are answered in any order") {
    Client client;
    FakeServer server{client.context};
    std::vector<std::pair<Bytes, FakeServer::Reply>> held;
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply(truncated(query));
    };
    server.on_tcp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        held.emplace_back(query, reply);
        if (held.size() < 3) return;
        for (auto it = held.rbegin(); it != held.rend(); ++it) it->second(reply_to(it->first));
    };
    client.use({&server});
    for (std::uint8_t i = 0; i < 3; ++i) client.ask(i, query_bytes(i));
    client.wait_for(3);
    for (std::uint8_t i = 0; i < 3; ++i) CHECK(client.replies.at(i) == reply_to(query_bytes(i)));
    CHECK(server.tcp_accepted == 1);
}

TEST_CASE("when TCP fails the client gets the truncated reply, and may try itself") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply(truncated(query));
    };
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == truncated(query_bytes()));
}

TEST_CASE("a connection that the server closed in the meantime is made anew without a word") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply(truncated(query));
    };
    std::size_t on_this = 0;
    server.on_tcp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        reply(reply_to(query));
        if (++on_this == 1) server.on_tcp = nullptr;  // the second query on it closes it
    };
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    client.ask(2);
    while (server.tcp_queries < 2) {
        client.context.restart();
        client.context.run_one_for(std::chrono::milliseconds{50});
    }
    server.on_tcp = answers;
    client.wait_for(2);
    CHECK(client.replies.at(2) == reply_to(query_bytes()));
    CHECK(server.tcp_accepted == 2);
}

TEST_CASE(
    "servers that were replaced may close their connections, with queries of all kinds on them") {
    Client client;
    FakeServer before{client.context}, after{client.context};
    before.on_udp = truncates;
    before.on_tcp = [](const Bytes&, const FakeServer::Reply&) {};
    client.use({&before});
    for (std::uint8_t i = 0; i < 3; ++i) client.ask(i, query_bytes(i));
    client.wait_until([&] { return before.tcp_queries == 3; });
    client.use({&after});
    client.forwarder->cancel(1);
    client.forwarder->cancel(2);
    before.close_connections();
    client.wait_for(1);
    CHECK(client.replies.at(0) == truncated(query_bytes(0)));
    CHECK(client.forwarder->in_flight() == 0);
}

TEST_CASE("a server that is silent over TCP does not keep the connections for ever") {
    forward::Limits limits = quick(std::chrono::milliseconds{300});
    limits.tcp_connections = 1;
    Client client{limits};
    FakeServer server{client.context};
    server.on_udp = truncates;
    server.on_tcp = [](const Bytes&, const FakeServer::Reply&) {};
    client.use({&server});
    std::uint64_t ticket = 0;
    while (ticket < 100) client.ask(ticket++);
    client.wait_for(ticket);
    server.on_tcp = answers;
    client.wait_until([&] {
        client.ask(ticket++);
        client.wait_for(ticket);
        return client.replies.at(ticket - 1) == reply_to(query_bytes());
    });
}

TEST_CASE("a reply over TCP may come in any pieces") {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
        CAPTURE(piece);
        Client client;
        FakeServer server{client.context};
        server.on_udp = truncates;
        server.on_tcp = [](const Bytes& query, const FakeServer::Reply& reply) {
            reply(reply_to(query, 0, 500));
        };
        server.tcp_piece_bytes = piece;
        client.use({&server});
        for (std::uint8_t i = 0; i < 3; ++i) client.ask(i, query_bytes(i));
        client.wait_for(3);
        for (std::uint8_t i = 0; i < 3; ++i) {
            CHECK(client.replies.at(i) == reply_to(query_bytes(i), 0, 500));
        }
    }
}

TEST_CASE("where connections are filtered another server is asked, or the client told to try") {
    Client client{quick(patience * 2)};  // long before that
    FakeServer filtered{client.context}, good{client.context};
    filtered.on_udp = truncates;
    filtered.drop_tcp();
    good.on_udp = answers;
    client.use({&filtered});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == truncated(query_bytes()));
    client.use({&filtered, &good});
    client.ask(2);
    client.wait_for(2);
    CHECK(client.replies.at(2) == reply_to(query_bytes()));
}

TEST_CASE("a server whose connections are cut is not down: it answers over UDP") {
    Client client{quick()};
    FakeServer cut{client.context};
    cut.on_udp = truncates;
    cut.on_tcp = [](const Bytes&, const FakeServer::Reply&) {};
    client.use({&cut});
    for (std::uint8_t i = 0; i < 8; ++i) client.ask(i, query_bytes(i));
    client.wait_until([&] { return cut.tcp_queries == 8; });
    cut.close_connections();
    client.wait_for(8);
    CHECK(client.replies.at(7) == truncated(query_bytes(7)));
    CHECK(client.forwarder->upstreams()[0].failures == 8);
    CHECK(client.forwarder->upstreams()[0].up);
}

TEST_CASE("what a server says over TCP counts more than the truncated reply before it") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = truncates;
    server.on_tcp = says(2);
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes(), 2));
}

TEST_CASE("junk on a connection is ignored, the reply behind it is not") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = truncates;
    server.on_tcp = [](const Bytes& query, const FakeServer::Reply& reply) {
        Bytes other_id = reply_to(query, 3), other_name = other_id;
        other_id[0] = static_cast<std::uint8_t>(other_id[0] + 1);
        other_name[13] = 'y';  // in another case it would do: nobody else is on a connection
        for (const Bytes& wrong : {Bytes{}, Bytes{1}, other_id, other_name, query}) reply(wrong);
        reply(reply_to(query));
    };
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes()));
    CHECK(client.forwarder->ignored_replies() == 5);
}

TEST_CASE("a query too large for a datagram goes over TCP, and few of them at a time") {
    Client client;
    FakeServer server{client.context};
    Bytes seen;
    server.on_tcp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        seen = query;
        reply(reply_to(query));
    };
    client.use({&server});
    const Bytes large = query_bytes(0, 0x4321, 60000);
    for (std::uint64_t i = 0; i < 5; ++i) {
        client.ask(i, large);
        client.wait_for(i + 1);
        CHECK(client.replies.at(i) == reply_to(large));
    }
    seen[0] = 0x43;
    seen[1] = 0x21;
    CHECK(seen == large);
    CHECK(server.udp_queries == 0);
    CHECK(client.forwarder->upstreams().at(0).up);

    server.on_tcp = [](const Bytes&, const FakeServer::Reply&) {};
    std::uint64_t ticket = 100;
    while (client.ask(ticket, large)) REQUIRE(++ticket < 1000);
    CHECK(client.ask(ticket));  // small ones are taken still
}
