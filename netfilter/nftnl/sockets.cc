#include "netfilter/nftnl/sockets.h"

#include "netfilter/nftnl/netlink.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include <libmnl/libmnl.h>

#include <array>

namespace meshgate::netfilter {
namespace {

void dump(Netlink& netlink, std::uint8_t family, conf::Protocol protocol,
          std::vector<conf::Port>& ports) {
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
    static_cast<void>(netlink.dump(*header, [&ports](const nlmsghdr& message) {
        if (mnl_nlmsg_get_payload_len(&message) < sizeof(inet_diag_msg)) return;
        const auto* socket = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(&message));
        ports.push_back(ntohs(socket->id.idiag_sport));
    }));
}

}  // namespace

std::vector<conf::Port> waiting_ports(conf::Protocol protocol) {
    std::vector<conf::Port> ports;
    Netlink netlink{NETLINK_SOCK_DIAG};
    for (const std::uint8_t family : {AF_INET, AF_INET6}) dump(netlink, family, protocol, ports);
    return ports;
}

}  // namespace meshgate::netfilter
