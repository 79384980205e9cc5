#include "dns/forward/spelling.h"

#include "client.h"
#include "dns/wire/reply.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <ostream>
#include <set>

using namespace meshgate;
using namespace meshgate::dns;
using namespace meshgate::test;
using forward::Spelling;

namespace {

/// "An-eXample.Of-a-NAME-9" and so on: long enough to be spelt in many ways.
Bytes long_query() {
    Bytes out = query_bytes();
    const Bytes name{10,  'A', 'n', '-', 'e', 'X', 'a', 'm', 'p', 'l', 'e', 11,
                     'O', 'f', '-', 'a', '-', 'N', 'A', 'M', 'E', '-', '9', 0};
    out.erase(out.begin() + 12, out.begin() + 12 + 9);
    out.insert(out.begin() + 12, name.begin(), name.end());
    return out;
}

Bytes lower(Bytes bytes) {
    for (std::size_t i = 12; i < bytes.size(); ++i) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z') bytes[i] |= 0x20;
    }
    return bytes;
}

forward::Limits mixing() {
    forward::Limits limits = quick();
    limits.mix_case = true;
    return limits;
}

/// A reply whose question is in lower case.
const FakeServer::OnQuery folds = [](const Bytes& query, const FakeServer::Reply& reply) {
    reply(reply_to(lower(query)));
};

}  // namespace

TEST_CASE("letters change case at random, nothing else changes, and they can be put back") {
    forward::Random random;
    std::set<Bytes> seen;
    const Bytes asked = long_query();
    for (int i = 0; i < 200; ++i) {
        Bytes message = asked;
        Spelling spelling;
        CHECK_FALSE(spelling.is_known());
        spelling.remember(message);
        CHECK(spelling.is_known());
        spelling.mix(message, random);
        CHECK(lower(message) == lower(asked));
        seen.insert(message);
        Bytes folded = lower(message);
        for (Bytes* each : {&message, &folded}) {
            spelling.restore(*each);
            CHECK(*each == asked);
        }
    }
    CHECK(seen.size() > 150);  // of 2^16
}

TEST_CASE("a message without the question is left alone") {
    Spelling spelling;
    const Bytes message = long_query();
    spelling.remember(message);
    Bytes none{0, 0, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0};
    const Bytes before = none;
    spelling.restore(none);
    CHECK(none == before);
    none[5] = 1;  // says that it has one
    spelling.restore(none);
    CHECK(none.size() == 12);
}

TEST_CASE("the server is asked in random case, and the client gets its own back") {
    Client client{mixing()};
    FakeServer server{client.context};
    std::set<Bytes> seen;
    server.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        Bytes without_id = query;
        without_id[0] = without_id[1] = 0;
        seen.insert(without_id);
        reply(reply_to(query));
    };
    client.use({&server});
    for (std::uint64_t i = 1; i <= 20; ++i) REQUIRE(client.ask(i, long_query()));
    client.wait_for(20);
    for (const auto& [ticket, reply] : client.replies) CHECK(reply == reply_to(long_query()));
    CHECK(seen.size() > 15);
    CHECK(server.udp_queries == 20);
    CHECK(client.forwarder->ignored_replies() == 0);
}

TEST_CASE(
    "a server that goes by the letters is asked in lower case, and the client gets its own back") {
    forward::Limits limits = quick();
    limits.lower_case = true;
    Client client{limits};
    FakeServer server{client.context};
    server.on_udp = [](const Bytes& query, const FakeServer::Reply& reply) {
        CHECK(query == lower(query));
        reply(reply_to(query));
    };
    client.use({&server});
    for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(client.ask(i, long_query()));
    client.wait_for(3);
    for (const auto& [ticket, reply] : client.replies) CHECK(reply == reply_to(long_query()));
    CHECK(server.udp_queries == 3);
}

TEST_CASE("a server that does not copy the letters is found out and asked without") {
    Client client{mixing()};
    FakeServer server{client.context};
    server.on_udp = folds;
    server.on_tcp = folds;
    client.use({&server});
    for (std::uint64_t i = 1; i <= 6; ++i) {
        REQUIRE(client.ask(i, lower(long_query())));
        client.wait_for(i);
        CHECK(client.replies.at(i) == reply_to(lower(long_query())));
    }
    CHECK(server.udp_queries == 6 + 3);  // twice each, until that was known
    // Known, it may answer a client's own mixed letters as well.
    REQUIRE(client.ask(7, long_query()));
    client.wait_for(7);
    CHECK(client.replies.at(7) == reply_to(long_query()));
    CHECK(server.udp_queries == 10);
    CHECK(client.failures.empty());
}

TEST_CASE("a reply in another case is no answer, and says nothing of the server") {
    Client client{mixing()};
    FakeServer server{client.context};
    std::size_t spoofed = 0;
    server.on_udp = [&](const Bytes& query, const FakeServer::Reply& reply) {
        if (spoofed++ < 1) {
            Bytes forged = query;
            const auto letter = std::find_if(forged.begin() + 13, forged.end(),
                                             [](std::uint8_t c) { return std::isalpha(c) != 0; });
            *letter ^= 0x20;
            reply(reply_to(forged, 3));
        }
        reply(reply_to(query));
    };
    client.use({&server});
    REQUIRE(client.ask(1, long_query()));
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(long_query()));
    CHECK(client.forwarder->ignored_replies() >= 1);
}

TEST_CASE("truncated, refused and TCP replies have the client's letters as well") {
    Client client{mixing()};
    FakeServer server{client.context};
    server.on_udp = truncates;
    server.on_tcp = folds;
    client.use({&server});
    REQUIRE(client.ask(1, long_query()));
    client.wait_for(1);
    CHECK(client.replies.at(1) == reply_to(long_query()));
    server.on_udp = says(5);
    REQUIRE(client.ask(2, long_query()));
    client.wait_for(2);
    CHECK(client.replies.at(2) == reply_to(long_query(), 5));
}
