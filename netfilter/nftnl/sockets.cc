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
#include <tuple>

namespace meshgate::netfilter {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

conf::IpAddress to_address(std::uint8_t family, const __be32 (&address)[4]) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), address, bytes.size());
    if (family == AF_INET) {
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
    WaitingSocket socket{.address = to_address(found->idiag_family, found->id.idiag_src),
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

static_assert(sizeof(inet_diag_sockid) == std::tuple_size_v<decltype(OpenSocket::id)>);

void add_open_socket(const nlmsghdr& message, std::vector<OpenSocket>& sockets) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(inet_diag_msg)) return;
    const auto* found = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(&message));
    OpenSocket socket{.local = to_address(found->idiag_family, found->id.idiag_src),
                      .remote = to_address(found->idiag_family, found->id.idiag_dst),
                      .lport = ntohs(found->id.idiag_sport),
                      .rport = ntohs(found->id.idiag_dport),
                      .uid = {},
                      .is_answered =
                          found->idiag_state != TCP_SYN_SENT && found->idiag_state != TCP_SYN_RECV,
                      .family = found->idiag_family,
                      .inode = found->idiag_inode};
    // Closed by its process, or not accepted yet: the uid means nothing then.
    if (found->idiag_inode != 0) socket.uid = found->idiag_uid;
    std::memcpy(socket.id.data(), &found->id, socket.id.size());
    sockets.push_back(socket);
}

constexpr std::array<std::uint8_t, 2> families{AF_INET, AF_INET6};

struct Question {
    std::uint8_t family;
    conf::Protocol protocol;
    std::uint32_t states;  ///< bits of the kernel's TCP states
};

bool dump_once(Netlink& netlink, const Question& question, const Netlink::OnMessage& on_message) {
    alignas(nlmsghdr) std::array<char, 256> buffer{};
    auto* header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    auto* request = static_cast<inet_diag_req_v2*>(
        mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    request->sdiag_family = question.family;
    request->sdiag_protocol = question.protocol == conf::Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    request->idiag_states = question.states;
    return netlink.dump(*header, on_message) == Netlink::Dumped::whole;
}

/// Adds to `sockets` by `add`. Asks again when a part was lost: a socket that is missed may decide
/// where DNS goes.
template <class Sockets, class Add>
void dump(Netlink& netlink, const Question& question, Sockets& sockets, Add add) {
    constexpr int attempts = 8;
    const auto before = static_cast<std::ptrdiff_t>(sockets.size());
    for (int attempt = 0; attempt < attempts; ++attempt) {
        sockets.erase(sockets.begin() + before, sockets.end());
        if (dump_once(netlink, question, [&](const nlmsghdr& message) { add(message, sockets); })) {
            return;
        }
    }
}

constexpr std::uint32_t bit(int state) {
    return 1U << static_cast<unsigned>(state);
}

}  // namespace

bool WaitingSocket::waits_at(const conf::IpAddress& at) const noexcept {
    if (!address.is_unspecified()) return address == at;
    return address.family() == at.family() || (takes_ipv4 && at.family() == conf::Family::ipv4);
}

std::vector<WaitingSocket> waiting_sockets(conf::Protocol protocol) {
    std::vector<WaitingSocket> sockets;
    Netlink netlink{NETLINK_SOCK_DIAG};
    // An unconnected UDP socket is in TCP_CLOSE (net/ipv4/udp_diag.c).
    const auto states = bit(protocol == conf::Protocol::tcp ? TCP_LISTEN : TCP_CLOSE);
    for (const auto family : families) {
        dump(netlink, {family, protocol, states}, sockets, add_socket);
    }
    return sockets;
}

OpenSockets::OpenSockets() : netlink_(NETLINK_SOCK_DIAG) {}

std::vector<OpenSocket> OpenSockets::list(conf::Protocol protocol) {
    const auto states = protocol == conf::Protocol::tcp
                            ? bit(TCP_ESTABLISHED) | bit(TCP_SYN_SENT) | bit(TCP_SYN_RECV) |
                                  bit(TCP_FIN_WAIT1) | bit(TCP_FIN_WAIT2) | bit(TCP_CLOSE_WAIT) |
                                  bit(TCP_LAST_ACK)
                            : bit(TCP_ESTABLISHED) | bit(TCP_CLOSE);
    std::vector<OpenSocket> sockets;
    for (const auto family : families) {
        dump(netlink_, {family, protocol, states}, sockets, add_open_socket);
    }
    return sockets;
}

int OpenSockets::destroy(const OpenSocket& socket) {
    alignas(nlmsghdr) std::array<char, 256> buffer{};
    auto* header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = SOCK_DESTROY;
    auto* request = static_cast<inet_diag_req_v2*>(
        mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    request->sdiag_family = socket.family;
    request->sdiag_protocol = IPPROTO_TCP;
    request->idiag_states = ~0U;
    std::memcpy(&request->id, socket.id.data(), socket.id.size());
    return netlink_.ask(*header).error;
}

}  // namespace meshgate::netfilter
