#pragma once

#include "conf/address.h"
#include "dns/server/stats.h"
#include "dns/wire/question.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace meshgate::dns::server {

/// A socket address of either family, as the kernel wrote it.
union Peer {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;

    [[nodiscard]] socklen_t bytes() const noexcept {
        return generic.sa_family == AF_INET ? sizeof v4 : sizeof v6;
    }
};

/// Host order.
inline std::uint16_t port(const Peer& peer) noexcept {
    return ntohs(peer.generic.sa_family == AF_INET ? peer.v4.sin_port : peer.v6.sin6_port);
}

/// An IPv4-mapped one is IPv4.
conf::IpAddress address_of(const Peer& peer) noexcept;

/// 127.0.0.0/8 or ::1.
bool is_loopback(const Peer& address) noexcept;

/// Where a datagram came from, and what its reply needs to leave from the address it was sent to.
struct UdpPath {
    Peer peer{.v6 = {}};
    std::size_t control_bytes = 0;  ///< 0: the socket's own address is the right one
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
};

/// Whether a query left the machine that asked.
enum class Origin : std::uint8_t { here, outside };

/// What is constant for all datagrams of one socket.
struct SocketFacts {
    AddressFamily family = AddressFamily::ipv4;
    bool wildcard = false;  ///< PKTINFO comes with each datagram
    bool loopback = false;  ///< bound to 127.0.0.0/8 or ::1: whatever arrives came over lo
    Peer bound{.v6 = {}};
};

SocketFacts socket_facts(int fd) noexcept;

/// Makes the PKTINFO that came with a datagram the one that sends its reply, in place.
///
/// The source address is pinned; the interface is not, because a pinned one is taken as on-link by
/// the kernel and loses replies where the way back is another (ip_route_output_key_hash_rcu).
/// Link-local addresses need their interface.
void turn_around(UdpPath& path) noexcept;

/// Largest UDP payload that passes lo (MTU 65536) in one piece over IPv6, and so over IPv4 too.
inline constexpr std::size_t loopback_payload_max = 65536 - 40 - 8;

/// `here` when the reply does not leave this host: no fragments, so no reason to cap its size at
/// 1232 bytes. After turn_around().
Origin origin_of(const SocketFacts& socket, const UdpPath& path) noexcept;

/// Bytes that the way to a UDP client carries in one piece.
constexpr std::size_t path_payload_max(Origin origin) noexcept {
    return origin == Origin::here ? loopback_payload_max : wire::udp_payload_ours;
}

}  // namespace meshgate::dns::server
