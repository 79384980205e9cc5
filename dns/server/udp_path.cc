#include "dns/server/udp_path.h"

#include <array>
#include <cstring>
#include <span>

namespace meshgate::dns::server {

conf::IpAddress address_of(const Peer& peer) noexcept {
    if (peer.generic.sa_family == AF_INET) {
        std::array<std::uint8_t, 4> bytes;
        std::memcpy(bytes.data(), &peer.v4.sin_addr, bytes.size());
        return conf::IpAddress::ipv4(bytes);
    }
    const auto address =
        conf::IpAddress::ipv6(std::span<const std::uint8_t, 16>{peer.v6.sin6_addr.s6_addr, 16});
    return address.unmapped().value_or(address);
}

bool is_loopback(const Peer& address) noexcept {
    return address.generic.sa_family == AF_INET
               ? ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
               : IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr) != 0;
}

namespace {

bool same_host(const Peer& a, const Peer& b) noexcept {
    if (a.generic.sa_family != b.generic.sa_family) return false;
    return a.generic.sa_family == AF_INET
               ? a.v4.sin_addr.s_addr == b.v4.sin_addr.s_addr
               : IN6_ARE_ADDR_EQUAL(&a.v6.sin6_addr, &b.v6.sin6_addr) != 0;
}

/// The header of the PKTINFO message in `path`, or null.
cmsghdr* pktinfo_header(const UdpPath& path) noexcept {
    if (path.control_bytes < CMSG_LEN(sizeof(in_pktinfo))) return nullptr;
    // The array is ours and not const where it matters; CMSG_DATA wants a mutable pointer.
    auto* header = reinterpret_cast<cmsghdr*>(const_cast<std::byte*>(path.control.data()));
    const bool v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO &&
                    header->cmsg_len == CMSG_LEN(sizeof(in_pktinfo));
    const bool v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO &&
                    header->cmsg_len == CMSG_LEN(sizeof(in6_pktinfo));
    return v4 || v6 ? header : nullptr;
}

/// The address that was asked, from PKTINFO. The port stays 0.
Peer asked_address(cmsghdr* header) noexcept {
    Peer out{.v6 = {}};
    if (header->cmsg_level == IPPROTO_IP) {
        in_pktinfo info;
        std::memcpy(&info, CMSG_DATA(header), sizeof info);
        out.v4.sin_family = AF_INET;
        out.v4.sin_addr = info.ipi_spec_dst;
    } else {
        in6_pktinfo info;
        std::memcpy(&info, CMSG_DATA(header), sizeof info);
        out.v6.sin6_family = AF_INET6;
        out.v6.sin6_addr = info.ipi6_addr;
    }
    return out;
}

}  // namespace

SocketFacts socket_facts(int fd) noexcept {
    SocketFacts facts;
    socklen_t bytes = sizeof facts.bound;
    if (getsockname(fd, &facts.bound.generic, &bytes) != 0) return facts;
    const bool v4 = facts.bound.generic.sa_family == AF_INET;
    facts.family = v4 ? AddressFamily::ipv4 : AddressFamily::ipv6;
    facts.wildcard = v4 ? facts.bound.v4.sin_addr.s_addr == INADDR_ANY
                        : IN6_IS_ADDR_UNSPECIFIED(&facts.bound.v6.sin6_addr) != 0;
    facts.loopback = is_loopback(facts.bound);
    return facts;
}

void turn_around(UdpPath& path) noexcept {
    cmsghdr* header = pktinfo_header(path);
    if (header == nullptr) {
        path.control_bytes = 0;
        return;
    }
    if (header->cmsg_level == IPPROTO_IP) {
        in_pktinfo info;
        std::memcpy(&info, CMSG_DATA(header), sizeof info);
        info.ipi_ifindex = 0;
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
        path.control_bytes = CMSG_SPACE(sizeof info);
        return;
    }
    in6_pktinfo info;
    std::memcpy(&info, CMSG_DATA(header), sizeof info);
    const bool multicast = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
    if (multicast) info.ipi6_addr = in6addr_any;  // no source; the kernel picks one
    if (!multicast && !IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    path.control_bytes = CMSG_SPACE(sizeof info);
}

Origin origin_of(const SocketFacts& socket, const UdpPath& path) noexcept {
    const auto here_if = [](bool here) { return here ? Origin::here : Origin::outside; };
    if (socket.loopback || is_loopback(path.peer)) return Origin::here;
    if (!socket.wildcard) return here_if(same_host(socket.bound, path.peer));
    cmsghdr* header = pktinfo_header(path);
    if (header == nullptr) return Origin::outside;
    // A query redirected to 127.0.0.1 keeps the source it had on its way out.
    const Peer asked = asked_address(header);
    return here_if(is_loopback(asked) || same_host(asked, path.peer));
}

}  // namespace meshgate::dns::server
