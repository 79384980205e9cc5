#include "dns/server/sockets.h"
#include "tests/unit/server/messages.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <ostream>
#include <set>
#include <system_error>
#include <thread>

using namespace meshgate;
using dns::server::bind_sockets;
using dns::server::BoundSockets;
using test::address;

namespace {

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t bytes = sizeof value;
    getsockopt(fd, level, name, &value, &bytes);
    return value;
}

std::string failure(const conf::SocketAddress& at, std::size_t workers) {
    try {
        static_cast<void>(bind_sockets({&at, 1}, workers));
    } catch (const std::system_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("every worker gets both protocols of every address, at one port") {
    const std::vector addresses{address("127.0.0.1"), address("127.0.0.2")};
    const auto bound = bind_sockets(addresses, 3);
    REQUIRE(bound.workers.size() == 3);
    REQUIRE(bound.addresses.size() == 2);
    for (const auto& worker : bound.workers) {
        CHECK(worker.udp.size() == 2);
        CHECK(worker.tcp.size() == 2);
    }
    CHECK(bound.addresses[0].port != 0);
    CHECK(bound.addresses[0].address == addresses[0].address);
    CHECK(bound.skipped.empty());
}

TEST_CASE("a second server is found, with or without SO_REUSEPORT on either side") {
    for (const std::size_t first : {1, 2}) {
        for (const std::size_t second : {1, 2}) {
            CAPTURE(first);
            CAPTURE(second);
            const auto at = address("127.0.0.1");
            const auto bound = bind_sockets({&at, 1}, first);
            CHECK(failure(bound.addresses[0], second) ==
                  "listen " + bound.addresses[0].to_string() + " (udp): Address already in use");
        }
    }
}

TEST_CASE("a listener of another program in TCP only is found") {
    const auto any = address("127.0.0.1");
    auto bound = bind_sockets({&any, 1}, 1);
    bound.workers[0].udp.clear();  // what is left is a TCP listener
    CHECK(failure(bound.addresses[0], 2) ==
          "listen " + bound.addresses[0].to_string() + " (tcp): Address already in use");
}

TEST_CASE("the port is free again when the sockets are closed") {
    const auto any = address("127.0.0.1");
    conf::SocketAddress at;
    { at = bind_sockets({&any, 1}, 2).addresses[0]; }
    CHECK(failure(at, 2).empty());
}

TEST_CASE("PKTINFO is asked for on wildcards only") {
    const std::vector addresses{address("127.0.0.1"), address("0.0.0.0")};
    const auto bound = bind_sockets(addresses, 1);
    CHECK(option(bound.workers[0].udp[0].get(), IPPROTO_IP, IP_PKTINFO) == 0);
    CHECK(option(bound.workers[0].udp[1].get(), IPPROTO_IP, IP_PKTINFO) == 1);
}

TEST_CASE("IPv4 and IPv6 wildcards stand side by side at one port") {
    const auto any4 = address("0.0.0.0");
    const auto bound4 = bind_sockets({&any4, 1}, 1);
    const auto any6 = address("::", bound4.addresses[0].port);
    try {
        const auto bound6 = bind_sockets({&any6, 1}, 1);
        CHECK(option(bound6.workers[0].udp[0].get(), IPPROTO_IPV6, IPV6_V6ONLY) == 1);
        CHECK(option(bound6.workers[0].udp[0].get(), IPPROTO_IPV6, IPV6_RECVPKTINFO) == 1);
    } catch (const std::system_error& error) {
        CHECK(error.code() == std::errc::address_family_not_supported);  // ipv6.disable=1
    }
}

TEST_CASE("without IPv6 its addresses are skipped, and an error when nothing else is left") {
    bool in_namespace = false;
    BoundSockets bound;
    std::string alone;
    std::thread bare{[&] {  // a namespace with nothing up: ::1 does not exist there
        in_namespace = ::unshare(CLONE_NEWNET) == 0;
        if (!in_namespace) return;
        const std::vector addresses{address("::1"), address("0.0.0.0")};
        bound = bind_sockets(addresses, 2);
        alone = failure(addresses[0], 1);
    }};
    bare.join();
    if (!in_namespace) {
        MESSAGE("skipped: needs the right to make a network namespace");
        return;
    }
    CHECK(bound.addresses.size() == 1);
    REQUIRE(bound.skipped.size() == 1);
    CHECK(bound.skipped[0] == "listen [::1]:0: skipped, this host has no IPv6");
    CHECK(alone == "listen [::1]:0 (udp): Cannot assign requested address");
}

TEST_CASE("an address that is not this host's is an error") {
    const auto foreign = address("192.0.2.77", 15053);
    CHECK(failure(foreign, 1) == "listen 192.0.2.77:15053 (udp): Cannot assign requested address");
}

TEST_CASE("an interface that does not exist is an error that names it") {
    auto scoped = address("fe80::1", 15053);
    scoped.scope = "mg-none0";
    const std::string said = failure(scoped, 1);
    CHECK(said.find("fe80::1%mg-none0") != std::string::npos);
}
