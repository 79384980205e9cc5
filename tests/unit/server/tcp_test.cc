#include "tests/unit/server/loopback.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <ostream>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::Dropped;

namespace {

std::uint64_t dropped(const Server& server, Dropped why) {
    return server.stats().dropped[static_cast<std::size_t>(why)].get();
}

Server::Options with(dns::server::WorkerLimits limits) {
    return {.limits = limits};
}

Bytes framed(const Bytes& message) {
    Bytes out{static_cast<std::uint8_t>(message.size() >> 8),
              static_cast<std::uint8_t>(message.size())};
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

}  // namespace

TEST_CASE("an owned name is answered over TCP, again and again on one connection") {
    Server server;
    Client client{Kind::tcp, server.at()};
    for (std::uint16_t id = 1; id <= 20; ++id) {
        client.send_message(query(id, "backend.own"));
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(id_of(*reply) == id);
    }
    server.stop();
    CHECK(server.stats().queries[1][0].get() == 20);
}

TEST_CASE("a query in single bytes is answered") {
    Server server;
    Client client{Kind::tcp, server.at()};
    const int on = 1;
    setsockopt(client.fd(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    for (const std::uint8_t byte : framed(query(3, "backend.own"))) client.send({&byte, 1});
    CHECK(client.receive());
}

TEST_CASE("pipelined queries are all answered") {
    Server server;
    Client client{Kind::tcp, server.at()};
    Bytes all;
    for (std::uint16_t id = 0; id < 500; ++id) {
        const Bytes one = framed(query(id, "backend.own"));
        all.insert(all.end(), one.begin(), one.end());
    }
    client.send(all);
    for (std::uint16_t id = 0; id < 500; ++id) {
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(id_of(*reply) == id);
    }
}

TEST_CASE("queries that arrive together are read together, and their answers leave in one write") {
    Server server;
    Client client{Kind::tcp, server.at()};
    constexpr std::size_t count = 30;  // one segment there, and one back
    Bytes all, replies(65536);
    for (std::uint16_t id = 0; id < count; ++id) {
        const Bytes one = framed(query(id, "backend.own"));
        all.insert(all.end(), one.begin(), one.end());
    }
    client.send(all);
    REQUIRE(client.wait_readable(patience));
    const auto first = ::recv(client.fd(), replies.data(), replies.size(), 0);
    REQUIRE(first > 0);
    std::size_t at = 0, whole = 0;
    for (; at + 2 <= static_cast<std::size_t>(first); ++whole) {
        at += 2U + replies[at] * 256U + replies[at + 1];
    }
    CHECK(whole == count);
    CHECK(at == static_cast<std::size_t>(first));
}

TEST_CASE("answers of any size arrive whole, whatever EDNS says") {
    Server server;
    Client client{Kind::tcp, server.at()};
    for (const std::size_t size : {513, 4000, 65000, 65535}) {
        client.send_message(query(1, std::to_string(size) + ".big.own", 1, 512));
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(reply->size() == size);
        CHECK_FALSE(is_truncated(*reply));
    }
}

TEST_CASE("a client that closes its half is answered, then closed") {
    Server server;
    Client client{Kind::tcp, server.at()};
    for (std::uint16_t id = 0; id < 5; ++id) client.send_message(query(id, "60000.big.own"));
    client.end_input();
    for (int i = 0; i < 5; ++i) CHECK(client.receive());
    CHECK(client.closed_by_server());
}

TEST_CASE("what is no query ends the connection, after what was asked before it") {
    Bytes response = query(9, "backend.own");
    response[2] |= 0x80;
    for (const Bytes& bad : {Bytes{}, Bytes(11, 0), response}) {
        CAPTURE(bad.size());
        Server server;
        Client client{Kind::tcp, server.at()};
        Bytes all = framed(query(8, "backend.own"));
        const Bytes last = framed(bad);
        all.insert(all.end(), last.begin(), last.end());
        client.send(all);
        const auto reply = client.receive();
        REQUIRE(reply);
        CHECK(id_of(*reply) == 8);
        CHECK(client.closed_by_server());
        server.stop();
        CHECK(dropped(server, Dropped::malformed) == 1);
    }
}

TEST_CASE("an idle client and one that stalls in a message are closed at the idle limit") {
    Server server{with({.tcp_idle = std::chrono::seconds{1}})};
    Client idle{Kind::tcp, server.at()};
    Client stalled{Kind::tcp, server.at()};
    const Bytes half = framed(query(1, "backend.own"));
    stalled.send({half.data(), 9});
    CHECK(idle.closed_by_server());
    CHECK(stalled.closed_by_server());
}

TEST_CASE("a client that drips one message for ever is closed at the idle limit") {
    Server server{with({.tcp_idle = std::chrono::seconds{1}})};
    Client client{Kind::tcp, server.at()};
    const Bytes begun{0xff, 0xff};
    client.send(begun);
    const std::uint8_t byte = 0;
    const bool closed = eventually([&] {
        client.send({&byte, 1});
        return client.wait_readable(std::chrono::milliseconds{50});  // no answer: the end
    });
    CHECK(closed);
}

TEST_CASE("a client that never reads does not get the server to buffer, and others are served") {
    Server server{with({.tcp_write_bytes = 1 << 16, .tcp_idle = std::chrono::seconds{1}})};
    Client deaf{Kind::tcp, server.at()};
    ::fcntl(deaf.fd(), F_SETFL, O_NONBLOCK);
    const Bytes one = framed(query(1, "65000.big.own"));
    // Until the server stops reading: then the kernel's buffers fill and send() fails.
    std::size_t asked = 0;
    while (::send(deaf.fd(), one.data(), one.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(one.size()))
        if (++asked == 1'000'000) break;
    CHECK(asked < 1'000'000);
    const std::uint64_t answered = server.stats().queries[1][0].get();
    CHECK(answered * 65000 < 64 << 20);  // kernel's send buffer, ours, and no more
    Client other{Kind::tcp, server.at()};
    other.send_message(query(2, "backend.own"));
    CHECK(other.receive());
    ::fcntl(deaf.fd(), F_SETFL, 0);
    CHECK(deaf.closed_by_server());  // no byte taken for the idle time, or read to the end
    server.stop();
    CHECK(dropped(server, Dropped::tcp_limit) == 0);  // it paused, nothing had to be cut
}

TEST_CASE("at the limit the connection idle longest makes room") {
    Server server{with({.tcp_connections = 3})};
    std::vector<std::unique_ptr<Client>> clients;
    for (std::uint16_t i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<Client>(Kind::tcp, server.at()));
        clients.back()->send_message(query(i, "backend.own"));
        REQUIRE(clients.back()->receive());
    }
    clients[0]->send_message(query(9, "backend.own"));  // now the second is the oldest
    REQUIRE(clients[0]->receive());
    Client fresh{Kind::tcp, server.at()};
    fresh.send_message(query(4, "backend.own"));
    CHECK(fresh.receive());
    CHECK(clients[1]->closed_by_server());
    for (const std::size_t i : {0, 2}) {
        clients[i]->send_message(query(5, "backend.own"));
        CHECK(clients[i]->receive());
    }
}

TEST_CASE("out of descriptors the server does not spin, and serves again") {
    Server server{with({.tcp_idle = std::chrono::seconds{300}})};
    Client keep{Kind::tcp, server.at()};
    keep.send_message(query(1, "backend.own"));
    REQUIRE(keep.receive());
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const UniqueFd probe{::dup(0)};  // the lowest free number: accept4 would get it, or above
    const rlimit none{static_cast<rlim_t>(probe.get()), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.at().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (const auto& fd : clients)
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    const bool made_room = keep.closed_by_server();  // its descriptor went to a new connection
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(made_room);
    Client after{Kind::tcp, server.at()};
    after.send_message(query(2, "backend.own"));
    CHECK(after.receive());
}

TEST_CASE("clients that vanish in the middle of answers do no harm") {
    Server server;
    for (int i = 0; i < 50; ++i) {
        Client client{Kind::tcp, server.at()};
        for (std::uint16_t id = 0; id < 10; ++id) client.send_message(query(id, "60000.big.own"));
        const linger reset{1, 0};
        setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    Client client{Kind::tcp, server.at()};
    client.send_message(query(2, "backend.own"));
    CHECK(client.receive());
}
