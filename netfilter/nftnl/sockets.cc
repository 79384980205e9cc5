#include "netfilter/nftnl/sockets.h"

#include "netfilter/nftnl/netlink.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace meshgate::netfilter {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

conf::IpAddress to_address(const inet_diag_msg& socket) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), socket.id.idiag_src, bytes.size());
    if (socket.idiag_family == AF_INET) {
        return conf::IpAddress::ipv4(std::span{bytes}.first<4>());
    }
    if (std::ranges::equal(mapped_prefix, std::span{bytes}.first<12>())) {
        return conf::IpAddress::ipv4(std::span{bytes}.last<4>());
    }
    return conf::IpAddress::ipv6(bytes);
}

void add_socket(const nlmsghdr& message, std::vector<WaitingSocket>& sockets) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(inet_diag_msg)) return;
    const auto* found = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(&message));
    WaitingSocket socket{.address = to_address(*found),
                         .port = ntohs(found->id.idiag_sport),
                         .takes_ipv4 = false,
                         .uid = found->idiag_uid,
                         .inode = found->idiag_inode};
    for_each_attribute(message, sizeof(inet_diag_msg), [&socket](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) != INET_DIAG_SKV6ONLY) return;
        socket.takes_ipv4 = mnl_attr_get_payload_len(&attribute) == sizeof(std::uint8_t) &&
                            mnl_attr_get_u8(&attribute) == 0;
    });
    sockets.push_back(socket);
}

void dump(Netlink& netlink, std::uint8_t family, conf::Protocol protocol,
          std::vector<WaitingSocket>& sockets) {
    alignas(nlmsghdr) std::array<char, 256> buffer{};
    auto* header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    auto* request = static_cast<inet_diag_req_v2*>(
        mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    request->sdiag_family = family;
    const bool tcp = protocol == conf::Protocol::tcp;
    request->sdiag_protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
    // An unconnected UDP socket is in TCP_CLOSE (net/ipv4/udp_diag.c).
    request->idiag_states = 1U << (tcp ? TCP_LISTEN : TCP_CLOSE);
    // Sockets that come or go meanwhile are no reason to ask again.
    static_cast<void>(netlink.dump(
        *header, [&sockets](const nlmsghdr& message) { add_socket(message, sockets); }));
}

}  // namespace

bool WaitingSocket::waits_at(const conf::IpAddress& at) const noexcept {
    if (!address.is_unspecified()) return address == at;
    return address.family() == at.family() || (takes_ipv4 && at.family() == conf::Family::ipv4);
}

std::vector<WaitingSocket> waiting_sockets(conf::Protocol protocol) {
    std::vector<WaitingSocket> sockets;
    Netlink netlink{NETLINK_SOCK_DIAG};
    for (const std::uint8_t family : {AF_INET, AF_INET6}) dump(netlink, family, protocol, sockets);
    return sockets;
}

}  // namespace meshgate::netfilter
