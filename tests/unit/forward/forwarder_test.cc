#include "client.h"

#include "dns/wire/text_name.h"

#include <doctest/doctest.h>

#include <memory>
#include <ostream>
#include <set>

using namespace meshgate;
using namespace meshgate::dns;
using namespace meshgate::test;

TEST_CASE("a query passes byte for byte but for its id, and so does the reply") {
    Client client;
    FakeServer server{client.context};
    Bytes seen;
    server.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        seen = query;
        reply(reply_to(query, 0, 3000));
    };
    client.use({&server});
    REQUIRE(client.ask(7));
    client.wait_for(1);
    CHECK(client.replies.at(7) == reply_to(query_bytes(), 0, 3000));
    seen[0] = 0x12;
    seen[1] = 0x34;
    CHECK(seen == query_bytes());
    CHECK(client.forwarder->in_flight() == 0);
}

TEST_CASE("replies that are not the reply are ignored until the right one comes") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply({});
        reply({1, 2, 3});
        Bytes other_id = reply_to(query, 3), other_name = other_id, other_type = other_id;
        other_id[1] = static_cast<std::uint8_t>(other_id[1] + 1);
        other_name[13] = 'x';
        other_type[22] = 28;
        for (const Bytes& wrong : {other_id, other_name, other_type, query}) reply(wrong);
        reply(reply_to(query));
    };
    client.use({&server});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes()));
    CHECK(client.forwarder->ignored_replies() == 6);
}

TEST_CASE("ids and ports cannot be told in advance") {
    Client client;
    FakeServer server{client.context};
    std::set<std::pair<int, int>> ids;
    server.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        ids.emplace(query[0], query[1]);
        reply(reply_to(query));
    };
    client.use({&server});
    for (std::uint64_t i = 1; i <= 200; ++i) {
        client.ask(i);
        client.wait_for(i);
    }
    const std::set<std::uint16_t> ports(server.client_ports.begin(), server.client_ports.end());
    CHECK(ids.size() > 150);
    CHECK(ports.size() > 30);
    CHECK(ports.size() <= forward::Limits{}.udp_sockets);
}

TEST_CASE("a server that is not there is passed over at once") {
    Client client;
    FakeServer good{client.context};
    good.on_udp = answers;
    auto gone = std::make_unique<FakeServer>(client.context);
    client.use({gone.get(), &good});
    gone.reset();
    for (std::uint64_t i = 1; i <= 10; ++i) {
        client.ask(i);
        client.wait_for(i);
    }
    CHECK(client.replies.size() == 10);
    CHECK_FALSE(client.forwarder->upstreams().at(0).up);
    CHECK(client.forwarder->upstreams().at(1).up);
    CHECK(good.udp_queries == 10);
}

TEST_CASE("when every server is gone the query fails, and later than forward() returned") {
    Client client;
    auto gone = std::make_unique<FakeServer>(client.context);
    client.use({gone.get()});
    gone.reset();
    client.ask(1);
    client.wait_for(1);
    CHECK(client.failures.at(1) == forward::Failure::network);
}

TEST_CASE("without servers the query fails") {
    Client client;
    CHECK(client.ask(1));
    client.wait_for(1);
    CHECK(client.failures.at(1) == forward::Failure::no_upstream);
}

TEST_CASE("a silent server costs one wait, then the next is asked as well") {
    Client client{quick()};
    FakeServer silent{client.context}, good{client.context};
    good.on_udp = answers;
    client.use({&silent, &good});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.count(1) == 1);
    CHECK(silent.udp_queries == 1);
    CHECK(good.udp_queries == 1);
}

TEST_CASE("a late reply of the first server still wins over a silent second") {
    Client client{quick()};
    FakeServer slow{client.context}, silent{client.context};
    Bytes held;
    FakeServer::Reply answer_later;
    slow.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        if (!held.empty()) return;
        held = reply_to(query);
        answer_later = reply;
    };
    silent.on_udp = [&](const Bytes&, const FakeServer::Reply&) { answer_later(held); };
    client.use({&slow, &silent});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes()));
}

TEST_CASE("a server that is quick as a rule is waited for half as long") {
    forward::Limits limits;
    limits.first_try = std::chrono::seconds{1};
    limits.total = patience;
    Client client{limits};
    FakeServer quick_server{client.context}, other{client.context};
    quick_server.on_udp = other.on_udp = answers;
    client.use({&quick_server, &other});
    CHECK_FALSE(client.forwarder->upstreams()[0].time_to_reply);
    for (std::uint64_t ticket = 1; ticket <= 20; ++ticket) {
        client.ask(ticket);
        client.wait_for(ticket);
    }
    REQUIRE(client.forwarder->upstreams()[0].time_to_reply);
    CHECK_FALSE(client.forwarder->upstreams()[1].time_to_reply);
    quick_server.on_udp = nullptr;
    client.ask(21);
    client.wait_for(21);
    CHECK(other.udp_queries == 1);
    // A whole wait would have been a failure; this was a late reply.
    CHECK(client.forwarder->upstreams()[0].failures == 0);
    CHECK(client.forwarder->upstreams()[0].up);
}

TEST_CASE("a server that is alone, or that nobody knows yet, is waited for as before") {
    Client client{quick()};
    FakeServer silent{client.context}, good{client.context};
    good.on_udp = answers;
    client.use({&silent, &good});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.forwarder->upstreams()[0].failures == 1);
}

TEST_CASE("what another server does is no silence of one that was heard of") {
    // The second one refuses, or is not there; then the first one, silent until then, is asked again.
    for (const bool there : {true, false}) {
        CAPTURE(there);
        Client client{quick()};
        FakeServer slow{client.context};
        auto second = std::make_unique<FakeServer>(client.context);
        slow.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
            if (slow.udp_queries > 1) answers(query, reply);
        };
        second->on_udp = says(5);
        client.use({&slow, second.get()});
        if (!there) second.reset();
        client.ask(1);
        client.wait_for(1);
        CHECK(client.replies.at(1) == reply_to(query_bytes()));
        CHECK(client.forwarder->upstreams()[0].failures == 1);
        CHECK(client.forwarder->upstreams()[1].failures == (there ? 0 : 1));
    }
}

TEST_CASE("when nobody replies the query ends, after asking several times") {
    Client client{quick(std::chrono::milliseconds{1000})};
    FakeServer silent{client.context};
    client.use({&silent});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.failures.at(1) == forward::Failure::timeout);
    CHECK(silent.udp_queries > 2);
    CHECK(client.forwarder->in_flight() == 0);
}

TEST_CASE("a server that cannot or will not answer is bettered by the next") {
    for (const unsigned rcode : {1U, 2U, 4U, 5U}) {
        CAPTURE(rcode);
        Client client;
        FakeServer bad{client.context}, good{client.context};
        bad.on_udp = says(rcode);
        good.on_udp = answers;
        client.use({&bad, &good});
        client.ask(1);
        client.wait_for(1);
        CHECK(client.replies.at(1) == reply_to(query_bytes()));
    }
}

TEST_CASE("NXDOMAIN is an answer: nobody else is asked") {
    Client client;
    FakeServer first{client.context}, second{client.context};
    first.on_udp = says(3);
    second.on_udp = answers;
    client.use({&first, &second});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes(), 3));
    CHECK(second.udp_queries == 0);
}

TEST_CASE("when all refuse, the client hears it, SERVFAIL before REFUSED") {
    Client client;
    FakeServer first{client.context}, second{client.context};
    first.on_udp = says(2);
    second.on_udp = says(5);
    client.use({&first, &second});
    client.ask(1);
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(query_bytes(), 2));
}

TEST_CASE("the table of queries has a bound") {
    forward::Limits limits;
    limits.in_flight = 3;
    Client client{limits};
    FakeServer silent{client.context};
    client.use({&silent});
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(client.ask(i));
    CHECK_FALSE(client.ask(3));
    client.forwarder->cancel(1);
    CHECK(client.ask(4));
    CHECK(client.forwarder->in_flight() == 3);
}

TEST_CASE("a cancelled query is never heard of again") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = answers;
    client.use({&server});
    client.ask(1);
    client.forwarder->cancel(1);
    client.ask(2);
    client.wait_for(1);
    CHECK(client.replies.count(1) == 0);
    CHECK(client.replies.count(2) == 1);
}

TEST_CASE("new servers are for new queries") {
    Client client;
    FakeServer before{client.context}, after{client.context};
    FakeServer::Reply late;
    Bytes held;
    before.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        held = reply_to(query);
        late = reply;
    };
    after.on_udp = answers;
    client.use({&before});
    client.ask(1);
    while (held.empty()) {
        client.context.restart();
        client.context.run_one_for(std::chrono::milliseconds{50});
    }
    client.use({&after});
    client.ask(2);
    client.wait_for(1);
    CHECK(client.replies.count(2) == 1);
    late(held);
    client.wait_for(2);
    CHECK(client.replies.count(1) == 1);
    CHECK(before.udp_queries == 1);
}

TEST_CASE("a forwarder may end with queries under way: nobody is called") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        reply(truncated(query));
        reply(reply_to(query));
    };
    client.use({&server});
    for (std::uint64_t i = 0; i < 20; ++i) client.ask(i);
    client.context.run_one_for(std::chrono::milliseconds{50});
    const std::size_t done = client.replies.size() + client.failures.size();
    client.reset({});
    client.settle();
    CHECK(client.replies.size() + client.failures.size() == done);
}

TEST_CASE("a query of ours that a redirect brings back is known by its port, id and question") {
    Client client;
    FakeServer server{client.context};
    Bytes seen;
    server.on_udp = [&](const Bytes& query, const FakeServer::Reply&) { seen = query; };
    client.use({&server});
    client.ask(1);
    while (seen.empty()) {
        client.context.restart();
        client.context.run_one_for(std::chrono::milliseconds{50});
    }
    wire::Question question;
    REQUIRE(wire::parse_question(seen, question) == wire::Parsed::question);
    const std::uint16_t port = server.client_ports.at(0);
    CHECK(client.forwarder->is_ours(question, port));
    CHECK_FALSE(client.forwarder->is_ours(question, static_cast<std::uint16_t>(port ^ 1U)));
    Client other_worker;
    CHECK(other_worker.forwarder->is_ours(question, port));
    client.forwarder->cancel(1);
    CHECK_FALSE(client.forwarder->is_ours(question, port));
}

TEST_CASE("who asks again from within a reply gets a reply too") {
    Client client;
    FakeServer server{client.context};
    server.on_udp = answers;
    client.use({&server});
    std::uint64_t next = 1;
    client.on_done = [&] {
        wire::Question question;
        const Bytes message = query_bytes();
        if (wire::parse_question(message, question) != wire::Parsed::question) return;
        if (next < 50) client.forwarder->forward(question, next++);
    };
    client.ask(0);
    client.wait_for(50);
    CHECK(client.replies.size() == 50);
}

TEST_CASE("a name goes the route of its longest suffix, and a server of two routes is one") {
    Client client;
    FakeServer rest{client.context}, corp{client.context}, dev{client.context};
    for (FakeServer* server : {&rest, &corp, &dev}) server->on_udp = answers;
    const forward::Route routes[] = {{{0}, {rest.at()}},
                                     {wire::to_wire("mesh"), {corp.at(), rest.at()}},
                                     {wire::to_wire("xb.mesh"), {dev.at()}},
                                     {wire::to_wire("xc.mesh"), {}}};
    client.forwarder->set_routes(routes);
    CHECK(client.forwarder->upstreams().size() == 3);
    Bytes elsewhere = query_bytes();
    elsewhere[12 + 4] = 'n';  // xa.nesh
    REQUIRE(client.ask(1, elsewhere));
    REQUIRE(client.ask(2, query_bytes(0)));  // xa.mesh
    REQUIRE(client.ask(3, query_bytes(1)));  // xb.mesh
    REQUIRE(client.ask(4, query_bytes(2)));  // xc.mesh
    client.wait_for(4);
    CHECK(rest.udp_queries == 1);
    CHECK(corp.udp_queries == 1);
    CHECK(dev.udp_queries == 1);
    CHECK(client.failures.at(4) == forward::Failure::no_upstream);
    CHECK(client.forwarder->has_own_route(wire::to_wire("x.mesh")));
    CHECK_FALSE(client.forwarder->has_own_route(wire::to_wire("mesh.example")));

    // Another list, with servers that stay: what they were counted is not lost.
    client.forwarder->set_routes(std::span{routes}.first(2));
    REQUIRE(client.ask(5, query_bytes(1)));
    client.wait_for(5);
    CHECK(corp.udp_queries == 2);
    for (const auto& state : client.forwarder->upstreams()) {
        CHECK(state.requests == (state.address == corp.at() ? 2 : 1));
    }
}
