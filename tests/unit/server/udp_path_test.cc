#include "dns/server/udp_path.h"

#include "tests/unit/server/peers.h"

#include <doctest/doctest.h>

#include <cstring>
#include <ostream>
#include <string>

using namespace meshgate::dns::server;
using meshgate::test::peer;

namespace {

/// A path from `from`, with PKTINFO when `asked` is given.
UdpPath path(const char* from, const char* asked, unsigned interface = 3) {
    UdpPath out;
    out.peer = peer(from);
    if (asked == nullptr) return out;
    auto* header = reinterpret_cast<cmsghdr*>(out.control.data());
    const Peer to = peer(asked);
    if (to.generic.sa_family == AF_INET) {
        const in_pktinfo info{static_cast<int>(interface), to.v4.sin_addr, to.v4.sin_addr};
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
        out.control_bytes = CMSG_SPACE(sizeof info);
    } else {
        const in6_pktinfo info{to.v6.sin6_addr, interface};
        header->cmsg_level = IPPROTO_IPV6;
        header->cmsg_type = IPV6_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
        out.control_bytes = CMSG_SPACE(sizeof info);
    }
    return out;
}

SocketFacts socket_at(const char* bound) {
    SocketFacts facts;
    facts.bound = peer(bound);
    facts.wildcard = std::strcmp(bound, "0.0.0.0") == 0 || std::strcmp(bound, "::") == 0;
    facts.loopback = std::strcmp(bound, "127.0.0.1") == 0 || std::strcmp(bound, "::1") == 0;
    return facts;
}

in6_pktinfo info6(const UdpPath& of) {
    in6_pktinfo info;
    std::memcpy(&info, CMSG_DATA(reinterpret_cast<const cmsghdr*>(of.control.data())), sizeof info);
    return info;
}

std::string source_of(const UdpPath& of) {
    const auto info = info6(of);
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, &info.ipi6_addr, text, sizeof text);
}

}  // namespace

TEST_CASE("only answers that stay on this host may be larger than 1232 bytes") {
    struct Row {
        const char* bound;
        const char* from;
        const char* asked;
        bool stays;
    };
    const Row rows[] = {
        {"127.0.0.1", "192.0.2.9", nullptr, true},  // redirected on its way out
        {"127.0.0.1", "127.0.0.1", nullptr, true},
        {"10.0.0.1", "10.0.0.1", nullptr, true},
        {"10.0.0.1", "10.0.0.2", nullptr, false},
        {"10.0.0.1", "127.0.0.1", nullptr, true},
        {"0.0.0.0", "192.0.2.9", "127.0.0.1", true},
        {"0.0.0.0", "192.0.2.9", "192.0.2.9", true},
        {"0.0.0.0", "192.0.2.9", "192.0.2.1", false},
        {"0.0.0.0", "192.0.2.9", nullptr, false},
        {"::1", "2001:db8::9", nullptr, true},
        {"2001:db8::1", "2001:db8::9", nullptr, false},
        {"::", "2001:db8::9", "::1", true},
        {"::", "2001:db8::9", "2001:db8::9", true},
        {"::", "2001:db8::9", "2001:db8::1", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.bound);
        CAPTURE(row.from);
        UdpPath way = path(row.from, row.asked);
        turn_around(way);
        CHECK((origin_of(socket_at(row.bound), way) == Origin::here) == row.stays);
    }
}

TEST_CASE("a reply is pinned to the address asked, and to the interface for link-local only") {
    UdpPath global = path("2001:db8::9", "2001:db8::1", 4);
    turn_around(global);
    CHECK(info6(global).ipi6_ifindex == 0);
    CHECK(source_of(global) == "2001:db8::1");
    UdpPath link = path("fe80::9", "fe80::1", 4);
    turn_around(link);
    CHECK(info6(link).ipi6_ifindex == 4);
    UdpPath group = path("fe80::9", "ff02::1", 4);
    turn_around(group);
    CHECK(info6(group).ipi6_ifindex == 4);
    CHECK(source_of(group) == "::");
}

TEST_CASE("control messages of another kind are not sent back") {
    UdpPath way = path("192.0.2.9", "192.0.2.1");
    reinterpret_cast<cmsghdr*>(way.control.data())->cmsg_type = IP_TTL;
    turn_around(way);
    CHECK(way.control_bytes == 0);
    way.control_bytes = 3;
    turn_around(way);
    CHECK(way.control_bytes == 0);
}
