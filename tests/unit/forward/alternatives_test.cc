#include "client.h"

#include <doctest/doctest.h>

#include <memory>
#include <ostream>

using namespace meshgate;
using namespace meshgate::dns;
using namespace meshgate::test;

namespace {

/// As coredns' alternate has them in every Corefile of Kuma.
forward::ReplySet refusals() {
    forward::ReplySet set;
    for (const unsigned rcode : {1U, 2U, 3U, 4U, 5U}) set.add_rcode(rcode);
    return set;
}

forward::ReplySet nodata() {
    forward::ReplySet set;
    set.add_nodata();
    return set;
}

/// With one address.
Bytes answer_to(Bytes query) {
    query = reply_to(std::move(query));
    query[7] = 1;
    const Bytes record{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 240, 0, 0, 1};
    query.insert(query.begin() + 25, record.begin(), record.end());
    return query;
}

/// The servers of the mesh first, those of the host for what `on` says.
struct Fallen {
    explicit Fallen(forward::ReplySet set, const forward::Limits& limits = {})
        : client(limits), on(set) {
        host.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
            reply(answer_to(query));
        };
        use();
    }

    void use() {
        client.forwarder->set_routes(
            std::vector<forward::Route>{{{0}, {mesh->at()}, {{on, {host.at()}}}}});
    }

    Client client;
    forward::ReplySet on;
    std::unique_ptr<FakeServer> mesh = std::make_unique<FakeServer>(client.context);
    FakeServer host{client.context};
};

}  // namespace

TEST_CASE("a reply that is not the last word is bettered by the alternative's") {
    for (const unsigned rcode : {1U, 2U, 3U, 4U, 5U}) {
        CAPTURE(rcode);
        Fallen fallen{refusals()};
        fallen.mesh->on_udp = says(rcode);
        fallen.client.ask(1);
        fallen.client.wait_for(1);
        CHECK(fallen.client.replies.at(1) == answer_to(query_bytes()));
        CHECK(fallen.host.udp_queries == 1);
        CHECK(fallen.client.forwarder->in_flight() == 0);
    }
}

TEST_CASE("NODATA is final unless it is named") {
    Fallen final{refusals()};
    final.mesh->on_udp = answers;
    final.client.ask(1);
    final.client.wait_for(1);
    CHECK(final.client.replies.at(1) == reply_to(query_bytes()));
    CHECK(final.host.udp_queries == 0);

    Fallen named{nodata()};
    named.mesh->on_udp = answers;
    named.client.ask(1);
    named.client.wait_for(1);
    CHECK(named.client.replies.at(1) == answer_to(query_bytes()));
}

TEST_CASE("an answer is final") {
    auto everything = refusals();
    everything.add_nodata();
    Fallen fallen{everything};
    fallen.mesh->on_udp = fallen.host.on_udp;
    fallen.client.ask(1);
    fallen.client.wait_for(1);
    CHECK(fallen.host.udp_queries == 0);
}

TEST_CASE("what the alternative says is the last word") {
    Fallen fallen{refusals()};
    fallen.mesh->on_udp = says(3);
    fallen.host.on_udp = says(5);
    fallen.client.ask(1);
    fallen.client.wait_for(1);
    CHECK(fallen.client.replies.at(1) == reply_to(query_bytes(), 5));
    CHECK(fallen.mesh->udp_queries == 1);
    CHECK(fallen.host.udp_queries == 1);
}

TEST_CASE("a server that is gone or silent counts as SERVFAIL") {
    Fallen gone{refusals()};
    gone.mesh.reset();
    gone.client.ask(1);
    gone.client.wait_for(1);
    CHECK(gone.client.replies.at(1) == answer_to(query_bytes()));

    Fallen silent{refusals(), quick()};
    silent.client.ask(1);
    silent.client.wait_for(1);
    CHECK(silent.client.replies.at(1) == answer_to(query_bytes()));
}

TEST_CASE("a late reply of the first servers is of no use any more") {
    Fallen fallen{refusals(), quick()};
    FakeServer::Reply late;
    Bytes held;
    fallen.mesh->on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        held = reply_to(query, 3);
        late = reply;
    };
    fallen.host.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        late(held);
        reply(answer_to(query));
    };
    fallen.client.ask(1);
    fallen.client.wait_for(1);
    fallen.client.settle();
    CHECK(fallen.client.replies.at(1) == answer_to(query_bytes()));
}

TEST_CASE("with nobody in the alternative the reply is what there is") {
    Fallen fallen{refusals()};
    fallen.mesh->on_udp = says(3);
    fallen.client.forwarder->set_routes(
        std::vector<forward::Route>{{{0}, {fallen.mesh->at()}, {{refusals(), {}}}}});
    fallen.client.ask(1);
    fallen.client.wait_for(1);
    CHECK(fallen.client.replies.at(1) == reply_to(query_bytes(), 3));
}

TEST_CASE("a truncated refusal is one over TCP as well") {
    Fallen fallen{refusals()};
    fallen.mesh->on_udp = truncates;
    fallen.mesh->on_tcp = says(3);
    fallen.client.ask(1);
    fallen.client.wait_for(1);
    CHECK(fallen.client.replies.at(1) == answer_to(query_bytes()));
    CHECK(fallen.mesh->tcp_queries == 1);
}

TEST_CASE("the letters of the client come back from the alternative too") {
    forward::Limits limits;
    limits.mix_case = true;
    Fallen fallen{refusals(), limits};
    fallen.mesh->on_udp = says(3);
    for (std::uint64_t i = 0; i < 20; ++i) {
        fallen.client.ask(i);
        fallen.client.wait_for(i + 1);
        CHECK(fallen.client.replies.at(i) == answer_to(query_bytes()));
    }
}

TEST_CASE("the first server is the first of the list, any, or the next") {
    for (const auto order :
         {forward::Order::listed, forward::Order::random, forward::Order::turns}) {
        CAPTURE(static_cast<int>(order));
        Client client;
        FakeServer one{client.context}, two{client.context};
        one.on_udp = two.on_udp = answers;
        client.forwarder->set_routes(
            std::vector<forward::Route>{{{0}, {one.at(), two.at()}, {}, order}});
        for (std::uint64_t i = 0; i < 60; ++i) {
            client.ask(i);
            client.wait_for(i + 1);
        }
        CHECK(one.udp_queries + two.udp_queries == 60);
        if (order == forward::Order::listed) CHECK(one.udp_queries == 60);
        if (order == forward::Order::turns) CHECK(one.udp_queries == 30);
        if (order == forward::Order::random) {
            CHECK(one.udp_queries > 5);  // fails once in 10^10 runs
            CHECK(two.udp_queries > 5);
        }
    }
}
