#include "namespace.h"

#include "netfilter/nftnl/sockets.h"

#include "src/common/unique_fd.h"

#include <doctest/doctest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

conf::IpAddress address(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

/// A socket at `at`, of UDP or listening for TCP.
UniqueFd bound(const std::string& at, conf::Port port, conf::Protocol protocol, bool only6 = true) {
    const bool tcp = protocol == conf::Protocol::tcp;
    const auto where = address(at);
    const bool ipv4 = where.family() == conf::Family::ipv4;
    UniqueFd fd{::socket(ipv4 ? AF_INET : AF_INET6, tcp ? SOCK_STREAM : SOCK_DGRAM, 0)};
    sockaddr_storage storage{};
    if (ipv4) {
        auto& name = reinterpret_cast<sockaddr_in&>(storage);
        name.sin_family = AF_INET;
        name.sin_port = htons(port);
        std::ranges::copy(where.bytes(), reinterpret_cast<std::uint8_t*>(&name.sin_addr));
    } else {
        auto& name = reinterpret_cast<sockaddr_in6&>(storage);
        name.sin6_family = AF_INET6;
        name.sin6_port = htons(port);
        std::ranges::copy(where.bytes(), name.sin6_addr.s6_addr);
        const int on = only6 ? 1 : 0;
        REQUIRE(::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    }
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), sizeof storage) == 0);
    if (tcp) REQUIRE(::listen(fd.get(), 1) == 0);
    return fd;
}

}  // namespace

TEST_CASE("waiting sockets are listed with their address, user and inode") {
    enter_fresh_namespace();
    output_of("ip link set lo up");
    for (const auto protocol : {conf::Protocol::tcp, conf::Protocol::udp}) {
        CHECK(waiting_sockets(protocol).empty());
        const auto fd = bound("127.0.0.53", 53, protocol);
        const auto sockets = waiting_sockets(protocol);
        REQUIRE(sockets.size() == 1);
        CHECK(sockets[0].address == address("127.0.0.53"));
        CHECK(sockets[0].port == 53);
        CHECK(sockets[0].uid == ::geteuid());
        struct stat status {};
        REQUIRE(::fstat(fd.get(), &status) == 0);
        CHECK(sockets[0].inode == status.st_ino);
    }
}

TEST_CASE("which addresses a socket waits at") {
    enter_fresh_namespace();
    output_of("ip link set lo up");
    struct Row {
        std::string at;
        bool only6;
        bool reached4, reached6, other4, other6;  ///< 127.0.0.1, ::1, 192.0.2.1, 2001:db8::1
    };
    const std::vector<Row> rows{{"127.0.0.1", true, true, false, false, false},
                                {"0.0.0.0", true, true, false, true, false},
                                {"::1", true, false, true, false, false},
                                {"::", true, false, true, false, true},
                                {"::", false, true, true, true, true},
                                {"::ffff:127.0.0.1", false, true, false, false, false}};
    for (const auto& row : rows) {
        CAPTURE(row.at);
        CAPTURE(row.only6);
        const auto fd = bound(row.at, 5353, conf::Protocol::udp, row.only6);
        const auto sockets = waiting_sockets(conf::Protocol::udp);
        REQUIRE(sockets.size() == 1);
        CHECK(sockets[0].waits_at(address("127.0.0.1")) == row.reached4);
        CHECK(sockets[0].waits_at(address("::1")) == row.reached6);
        CHECK(sockets[0].waits_at(address("192.0.2.1")) == row.other4);
        CHECK(sockets[0].waits_at(address("2001:db8::1")) == row.other6);
    }
}

TEST_CASE("open sockets are listed at both ends, and one that is destroyed ends its connection") {
    enter_fresh_namespace();
    output_of("ip link set lo up");
    OpenSockets sockets;
    for (const std::string at : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) {
        CAPTURE(at);
        const auto listener = bound(at, 8080, conf::Protocol::tcp, false);
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &length);
        const UniqueFd client{::socket(name.ss_family, SOCK_STREAM, 0)};
        REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&name), length) == 0);
        const UniqueFd accepted{::accept(listener.get(), nullptr, nullptr)};
        REQUIRE(accepted);

        const auto open = sockets.list(conf::Protocol::tcp);
        REQUIRE(open.size() == 2);
        const auto ours = std::ranges::find(open, 8080, &OpenSocket::rport);
        REQUIRE(ours != open.end());
        CHECK(ours->remote == address(at == "::1" ? "::1" : "127.0.0.1"));
        CHECK(ours->uid == ::geteuid());

        REQUIRE(sockets.destroy(*ours) == 0);
        CHECK(sockets.destroy(*ours) == ENOENT);
        char byte = 0;
        CHECK(::recv(client.get(), &byte, 1, 0) == -1);
        CHECK(errno == ECONNABORTED);
        CHECK(::recv(accepted.get(), &byte, 1, 0) == -1);
        CHECK(errno == ECONNRESET);
        CHECK(sockets.list(conf::Protocol::tcp).empty());
    }
}

TEST_CASE("a UDP socket is listed with its peer, if it has one") {
    enter_fresh_namespace();
    output_of("ip link set lo up");
    const auto fd = bound("127.0.0.1", 5353, conf::Protocol::udp);
    OpenSockets sockets;
    auto open = sockets.list(conf::Protocol::udp);
    REQUIRE(open.size() == 1);
    CHECK(open[0].remote.is_unspecified());
    CHECK(open[0].lport == 5353);
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(53);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) == 0);
    open = sockets.list(conf::Protocol::udp);
    REQUIRE(open.size() == 1);
    CHECK(open[0].remote == address("127.0.0.1"));
    CHECK(open[0].rport == 53);
    CHECK(open[0].uid == ::geteuid());
}
