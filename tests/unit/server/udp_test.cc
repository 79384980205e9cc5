#include "tests/unit/server/loopback.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <ostream>
#include <random>

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

std::uint64_t durations(const Server& server) {
    std::uint64_t sum = 0;
    for (const auto& bucket : server.stats().durations) sum += bucket.get();
    return sum;
}

}  // namespace

TEST_CASE("an owned name is answered over UDP") {
    Server server;
    Client client{Kind::udp, server.at()};
    const Bytes asked = query(0x1234, "backend.own");
    client.send(asked);
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(id_of(*reply) == 0x1234);
    CHECK(rcode_of(*reply) == 0);
    CHECK((*reply)[7] == 1);
    server.stop();
    CHECK(responses(server, Source::owned, 0) == 1);
    CHECK(server.stats().queries[0][0].get() == 1);
    CHECK(durations(server) == 1);
    CHECK(server.stats().duration_nanoseconds.get() > 0);
}

TEST_CASE("an owned name is answered over IPv6, where there is any") {
    const auto loopback = address("::1");
    if (dns::server::BoundSockets probe; true) {
        try {
            probe = dns::server::bind_sockets({&loopback, 1}, 1);
        } catch (const std::system_error&) {
            return;  // a host without IPv6; sockets_test has the message
        }
    }
    Server server{{.listen = {"::1", "::"}}};
    for (std::size_t i : {0, 1}) {
        conf::SocketAddress to = server.at(i);
        to.address = loopback.address;
        Client client{Kind::udp, to};
        client.send(query(7, "backend.own"));
        REQUIRE(client.receive());
    }
    server.stop();
    CHECK(server.stats().queries[0][1].get() == 2);
}

TEST_CASE("more queries than a batch holds are all answered") {
    Server server;
    Client client{Kind::udp, server.at()};
    constexpr std::uint16_t count = 200;  // fits the default receive buffer of the client
    for (std::uint16_t id = 0; id < count; ++id) client.send(query(id, "backend.own"));
    std::vector<bool> answered(count);
    for (int i = 0; i < count; ++i) {
        const auto reply = client.receive();
        REQUIRE(reply);
        answered.at(id_of(*reply)) = true;
    }
    CHECK(std::count(answered.begin(), answered.end(), true) == count);
}

TEST_CASE("a wildcard listener answers from the address that was asked") {
    Server server{{.listen = {"0.0.0.0"}}};
    for (const char* asked : {"127.0.0.1", "127.0.0.2", "127.99.3.4"}) {
        CAPTURE(asked);
        // Connected: an answer from another address would not arrive.
        Client client{Kind::udp, address(asked, server.at().port)};
        client.send(query(1, "backend.own"));
        CHECK(client.receive());
    }
}

TEST_CASE("the size of an answer is what the client can take") {
    Server server;
    struct Row {
        const char* name;
        std::optional<std::uint16_t> edns;
        std::size_t size;
        bool truncated;
    };
    const Row rows[] = {
        {"512.big.own", std::nullopt, 512, false},
        {"513.big.own", std::nullopt, 29, true},
        {"513.big.own", 256, 29, true},  // below 512 counts as 512
        {"4000.big.own", 4096, 4000, false},
        {"4097.big.own", 4096, 30, true},
        {"60000.big.own", 65535, 60000, false},
        {"65487.big.own", 65535, 65487, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CAPTURE(row.edns.value_or(0));
        Client client{Kind::udp, server.at()};
        client.send(query(1, row.name, 1, row.edns));
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(reply->size() == row.size);
        CHECK(is_truncated(*reply) == row.truncated);
    }
}

TEST_CASE("many large answers in one batch all arrive") {
    Server server;
    Client client{Kind::udp, server.at()};
    const int bytes = 8 << 20;
    setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    for (std::uint16_t id = 0; id < 40; ++id) client.send(query(id, "9000.big.own", 1, 16384));
    std::uint64_t arrived = 0;
    while (arrived + dropped(server, Dropped::send_failed) < 40) {
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(reply->size() == 9000);
        ++arrived;
    }
    CHECK(arrived > 0);
}

TEST_CASE("datagrams that are no queries get no answer, and are counted") {
    Server server;
    Client client{Kind::udp, server.at()};
    for (std::size_t size = 0; size < 12; ++size) client.send(Bytes(size, 0xff));
    Bytes response = query(9, "backend.own");
    response[2] |= 0x80;
    client.send(response);
    client.send(query(10, "backend.own"));
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(id_of(*reply) == 10);
    server.stop();
    CHECK(dropped(server, Dropped::malformed) == 13);
    CHECK(server.stats().queries[0][0].get() == 1);
}

TEST_CASE("malformed and unknown queries get their error") {
    struct Row {
        const char* what;
        std::size_t offset;
        std::uint8_t value;
        unsigned rcode;
    };
    const Row rows[] = {
        {"two questions", 5, 2, 1},           {"no question", 5, 0, 1},
        {"a label of 64 bytes", 12, 0x40, 1}, {"opcode NOTIFY", 2, 0x20, 4},
        {"opcode DSO", 2, 0x30, 4},
    };
    Server server;
    Client client{Kind::udp, server.at()};
    for (const auto& row : rows) {
        CAPTURE(row.what);
        Bytes asked = query(77, "backend.own");
        asked[row.offset] = row.value;
        client.send(asked);
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(id_of(*reply) == 77);
        CHECK(rcode_of(*reply) == row.rcode);
    }
    server.stop();
    CHECK(responses(server, Source::local, 1) == 3);
    CHECK(responses(server, Source::local, 4) == 2);
}

TEST_CASE("EDNS version 1 is answered BADVERS") {
    Server server;
    Client client{Kind::udp, server.at()};
    Bytes asked = query(5, "backend.own", 1, 1232);
    asked[asked.size() - 5] = 1;
    client.send(asked);
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == 0);
    CHECK((*reply)[11] == 1);
    server.stop();
    CHECK(responses(server, Source::local, 16) == 1);
}

TEST_CASE("datagrams up to the largest are survived, and answered FORMERR where they ask") {
    Server server;
    Client client{Kind::udp, server.at()};
    std::mt19937 random{20240501};
    for (const std::size_t size : {4096, 4097, 9000, 65507}) {
        CAPTURE(size);
        Bytes asked = query(3, "backend.own");
        while (asked.size() < size) asked.push_back(static_cast<std::uint8_t>(random()));
        client.send(asked);
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(rcode_of(*reply) == 1);
    }
    for (int i = 0; i < 200; ++i) {
        Bytes noise(random() % 65508);
        for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
        client.send(noise);
    }
    Client other{Kind::udp, server.at()};
    other.send(query(4, "backend.own"));
    CHECK(other.receive());
}

TEST_CASE("a query that the kernel cut is FORMERR even where its beginning reads well") {
    Server server;
    Client client{Kind::udp, server.at()};
    Bytes asked = query(3, "backend.own", 1, 1232);
    const std::size_t rdata = 4096 - asked.size();  // the OPT ends where the buffer does
    asked[asked.size() - 2] = static_cast<std::uint8_t>(rdata >> 8);
    asked[asked.size() - 1] = static_cast<std::uint8_t>(rdata);
    asked.insert(asked.end(), {0, 12});
    asked.push_back(static_cast<std::uint8_t>((rdata - 4) >> 8));
    asked.push_back(static_cast<std::uint8_t>(rdata - 4));
    asked.resize(4096);
    client.send(asked);
    auto reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == 0);
    asked.resize(4200);
    client.send(asked);
    reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == 1);
}

TEST_CASE("what is asked before the first table waits for it") {
    Server server{{.with_table = false}};
    Client udp{Kind::udp, server.at()};
    Client tcp{Kind::tcp, server.at()};
    udp.send(query(1, "backend.own", 1, 1232));
    tcp.send_message(query(2, "backend.own", 1, 1232));
    server.set_table(std::make_shared<HandTable>());
    for (Client* client : {&udp, &tcp}) {
        const auto reply = client->receive();
        REQUIRE(reply);
        CHECK(rcode_of(*reply) == 0);
    }
}

TEST_CASE("without a table the end is SERVFAIL, with a reason where EDNS allows one") {
    Server server{{.with_table = false}};
    Client client{Kind::udp, server.at()};
    client.send(query(1, "backend.own", 1, 1232));
    client.send(query(1, "backend.own"));
    server.stop();
    auto reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == 2);
    CHECK(extended_error(*reply) == 14);
    reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == 2);
    CHECK((*reply)[11] == 0);
}

TEST_CASE("a zone transfer of a name that is not ours is refused, not forwarded") {
    Server server;
    Client client{Kind::udp, server.at()};
    for (const std::uint16_t type : {251, 252}) {
        client.send(query(1, "example.com", type));
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(rcode_of(*reply) == 5);
    }
}

TEST_CASE("several workers share one port") {
    Server server{{.workers = 3}};
    for (int i = 0; i < 60; ++i) {
        Client client{Kind::udp, server.at()};  // another port, maybe another worker
        client.send(query(1, "backend.own"));
        REQUIRE(client.receive());
    }
    server.stop();
    std::uint64_t sum = 0;
    for (std::size_t i : {0, 1, 2}) sum += server.worker(i).stats().queries[0][0].get();
    CHECK(sum == 60);
}
