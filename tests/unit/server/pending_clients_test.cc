#include "dns/server/pending_clients.h"
#include "tests/unit/server/messages.h"

#include <doctest/doctest.h>

#include <ostream>
#include <set>

using namespace meshgate;
using namespace meshgate::dns::server;

namespace {

struct Nowhere final : Transport {
    void deliver(const Client&, std::uint64_t, Source, std::span<const std::uint8_t>) noexcept override {}
} nowhere;

dns::server::Client udp_client(std::uint16_t port) {
    dns::server::Client out;
    out.transport = &nowhere;
    out.path.peer.v4.sin_family = AF_INET;
    out.path.peer.v4.sin_port = htons(port);
    out.path.peer.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
}

/// A question with the message it looks into.
struct Asked {
    explicit Asked(test::Bytes from) : message(std::move(from)) {
        REQUIRE(dns::wire::parse_question(message, question) == dns::wire::Parsed::question);
    }
    test::Bytes message;
    dns::wire::Question question;
};

using Outcome = PendingClients::Outcome;

}  // namespace

TEST_CASE("a client is found by its ticket until it is removed") {
    PendingClients pending{4};
    const Asked asked{test::query(7, "example.com")};
    const auto added = pending.add(udp_client(1000), asked.question, 512, {});
    REQUIRE(added.outcome == Outcome::added);
    CHECK(added.ticket != 0);
    const auto* found = pending.find(added.ticket);
    REQUIRE(found != nullptr);
    CHECK(found->limit == 512);
    CHECK(found->client.path.peer.v4.sin_port == htons(1000));
    pending.remove(added.ticket);
    CHECK(pending.find(added.ticket) == nullptr);
    CHECK(pending.size() == 0);
    pending.remove(added.ticket);
    CHECK(pending.size() == 0);
}

TEST_CASE("a ticket of an earlier client in the same place finds nobody") {
    PendingClients pending{1};
    const Asked asked{test::query(7, "example.com")};
    std::set<std::uint64_t> tickets;
    for (std::uint16_t i = 0; i < 100; ++i) {
        const auto added = pending.add(udp_client(i), asked.question, 512, {});
        REQUIRE(added.outcome == Outcome::added);
        CHECK(tickets.insert(added.ticket).second);
        pending.remove(added.ticket);
    }
    for (const auto ticket : tickets) CHECK(pending.find(ticket) == nullptr);
    CHECK(pending.find(0) == nullptr);
    CHECK(pending.find(0xffffffffffffffff) == nullptr);
}

TEST_CASE("the table is bounded") {
    PendingClients pending{3};
    const Asked asked{test::query(7, "example.com")};
    for (std::uint16_t port = 1; port <= 3; ++port)
        CHECK(pending.add(udp_client(port), asked.question, 512, {}).outcome == Outcome::added);
    CHECK(pending.add(udp_client(4), asked.question, 512, {}).outcome == Outcome::full);
    CHECK(pending.size() == 3);
}

TEST_CASE("a retransmit is known, another query is not taken for one") {
    PendingClients pending{16};
    const Asked asked{test::query(7, "example.com")};
    auto added = pending.add(udp_client(1), asked.question, 512, {});
    CHECK(pending.add(udp_client(1), asked.question, 512, {}).outcome == Outcome::duplicate);
    CHECK(pending.add(udp_client(2), asked.question, 512, {}).outcome == Outcome::added);
    for (const auto& other :
         {test::query(8, "example.com"), test::query(7, "example.org"),
          test::query(7, "example.com", 28), test::query(7, "Example.com"),
          test::query(7, "example.com", 1, 1232), test::query(7, "example.com", 1, 4096)}) {
        const Asked different{other};
        CHECK(pending.add(udp_client(1), different.question, 512, {}).outcome == Outcome::added);
    }
    pending.remove(added.ticket);
    CHECK(pending.add(udp_client(1), asked.question, 512, {}).outcome == Outcome::added);
}

TEST_CASE("the same query twice on a TCP connection is two queries") {
    PendingClients pending{4};
    const Asked asked{test::query(7, "example.com")};
    dns::server::Client client;
    client.proto = Proto::tcp;
    client.connection = 5;
    CHECK(pending.add(client, asked.question, 65535, {}).outcome == Outcome::added);
    CHECK(pending.add(client, asked.question, 65535, {}).outcome == Outcome::added);
}

TEST_CASE("what is kept of a query is a query: its question, and an OPT if it had one") {
    PendingClients pending{2};
    auto message = test::query(7, "Example.COM", 28, 1400);
    message[message.size() - 4] = 0x80;  // DO
    message[message.size() - 1] = 4;     // an empty option follows
    message.insert(message.end(), {0, 10, 0, 0});
    const Asked asked{message};
    const auto added = pending.add(udp_client(1), asked.question, 1400, {});
    const auto* found = pending.find(added.ticket);
    REQUIRE(found != nullptr);
    dns::wire::Question kept;
    REQUIRE(dns::wire::parse_question(found->query_view(), kept) == dns::wire::Parsed::question);
    CHECK(kept.id == 7);
    CHECK(kept.qtype == 28);
    CHECK(std::equal(kept.qname().begin(), kept.qname().end(), asked.question.qname().begin()));
    REQUIRE(kept.edns);
    CHECK(kept.edns->udp_payload_size == 1400);
    CHECK(kept.edns->dnssec_ok);
    CHECK(kept.edns->options_bytes == 0);
}

TEST_CASE("the longest name fits") {
    std::string name(63, 'a');
    name = name + "." + name + "." + name + "." + std::string(61, 'a');
    PendingClients pending{1};
    const Asked asked{test::query(7, name, 1, 4096)};
    CHECK(asked.question.qname_bytes == 255);
    const auto added = pending.add(udp_client(1), asked.question, 4096, {});
    REQUIRE(added.outcome == Outcome::added);
    CHECK(pending.find(added.ticket)->query_bytes == PendingClient::query_bytes_max);
}

TEST_CASE("a client that was answered waits no longer, its reply is still expected") {
    PendingClients pending{4};
    const Asked asked{test::query(1, "a.example")};
    const auto client = pending.add(udp_client(1), asked.question, 512, {}, true);
    const auto nobody = pending.add({nullptr, Proto::tcp, 0, {}}, asked.question, 512, {}, true);
    CHECK(pending.waiting() == 1);
    CHECK(pending.find(client.ticket)->cacheable);
    pending.answered(client.ticket);
    pending.answered(client.ticket);
    CHECK(pending.waiting() == 0);
    CHECK(pending.size() == 2);
    // The same query from there again is a new one.
    CHECK(pending.add(udp_client(1), asked.question, 512, {}).outcome == Outcome::added);
    pending.remove(client.ticket);
    pending.remove(nobody.ticket);
    CHECK(pending.waiting() == 1);
    CHECK(pending.size() == 1);
}
