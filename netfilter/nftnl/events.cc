#include "netfilter/nftnl/events.h"

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/route_netlink.h"
#include "netfilter/nftnl/surroundings.h"
#include "src/common/errors.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <utility>

namespace meshgate::netfilter {
namespace {

constexpr std::size_t event_buffer_bytes = std::size_t{64} << 10;
/// A flush of a large ruleset tells of every rule of it.
constexpr int event_queue_bytes = 4 << 20;
constexpr std::size_t changes_max = 256;  // of one take()

UniqueFd listening_socket(int protocol, std::initializer_list<int> groups) {
    UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)};
    if (!fd) throw_errno("netlink events");
    const int bytes = event_queue_bytes;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    sockaddr_nl local{};
    local.nl_family = AF_NETLINK;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
        throw_errno("bind netlink events");
    }
    for (const int group : groups) {
        if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) !=
            0) {
            throw_errno("netlink events, group " + std::to_string(group));
        }
    }
    return fd;
}

enum class Read { message, nothing, lost };

/// One datagram of the kernel's, message by message.
template <class OnMessage>
Read read_datagram(int fd, std::vector<std::byte>& buffer, OnMessage on_message) {
    sockaddr_nl from{};
    socklen_t from_length = sizeof from;
    const auto received = ::recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC | MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &from_length);
    if (received < 0) return errno == ENOBUFS ? Read::lost : Read::nothing;
    if (from.nl_pid != 0) return Read::message;  // only the kernel counts
    if (static_cast<std::size_t>(received) > buffer.size()) return Read::lost;
    auto rest = static_cast<int>(received);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
        on_message(*message);
    }
    return Read::message;
}

bool is_nftables(const nlmsghdr& message) {
    return NFNL_SUBSYS_ID(message.nlmsg_type) == NFNL_SUBSYS_NFTABLES &&
           mnl_nlmsg_get_payload_len(&message) >= sizeof(nfgenmsg);
}

/// The first attribute of every object that lies in a table is that table's name
/// (NFTA_CHAIN_TABLE, NFTA_RULE_TABLE and so on, as NFTA_TABLE_NAME of the table itself, are 1).
std::string_view table_of(const nlmsghdr& message) {
    static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                  NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1 &&
                  NFTA_FLOWTABLE_TABLE == 1);
    std::string_view name;
    for_each_attribute(message, sizeof(nfgenmsg), [&name](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) != 1) return;
        if (mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0) {
            name = mnl_attr_get_str(&attribute);
        }
    });
    return name;
}

void read_author(const nlmsghdr& message, RulesetChange& change) {
    for_each_attribute(message, sizeof(nfgenmsg), [&change](const nlattr& attribute) {
        const auto type = mnl_attr_get_type(&attribute);
        if (type == NFTA_GEN_PROC_PID && mnl_attr_validate(&attribute, MNL_TYPE_U32) == 0) {
            change.pid = ntohl(mnl_attr_get_u32(&attribute));
        }
        if (type == NFTA_GEN_PROC_NAME && mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0) {
            change.program = mnl_attr_get_str(&attribute);
        }
    });
    change.port = message.nlmsg_pid;
}

/// ::6/128 of lo, whoever made it.
bool is_our_address(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(ifaddrmsg)) return false;
    const auto* address = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
    return address->ifa_index == loopback_index && address->ifa_family == AF_INET6 &&
           address->ifa_prefixlen == 128;
}

bool is_our_route(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(rtmsg)) return false;
    return static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message))->rtm_protocol ==
           route_protocol;
}

bool is_loopback(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(ifinfomsg)) return false;
    return static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message))->ifi_index ==
           static_cast<int>(loopback_index);
}

}  // namespace

std::optional<RulesetChange> ChangeReader::feed(const nlmsghdr& message) {
    if (!is_nftables(message)) return std::nullopt;
    const auto* generic = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    const auto type = NFNL_MSG_TYPE(message.nlmsg_type);
    if (type == NFT_MSG_NEWGEN) {
        read_author(message, change_);
        return std::exchange(change_, {});
    }
    if (generic->nfgen_family != NFPROTO_INET) return std::nullopt;
    if (std::ranges::find(tables_, table_of(message)) != tables_.end()) {
        change_.touches_ours = true;
        change_.is_removal |= type == NFT_MSG_DELTABLE;
    }
    return std::nullopt;
}

RulesetEvents::RulesetEvents(std::vector<std::string> tables)
    : fd_(listening_socket(NETLINK_NETFILTER, {NFNLGRP_NFTABLES})), reader_(std::move(tables)),
      buffer_(event_buffer_bytes) {}

std::vector<RulesetChange> RulesetEvents::take() {
    std::vector<RulesetChange> changes;
    const auto on_message = [&](const nlmsghdr& message) {
        if (auto change = reader_.feed(message)) changes.push_back(std::move(*change));
    };
    while (changes.size() < changes_max) {
        const auto read = read_datagram(fd_.get(), buffer_, on_message);
        if (read == Read::nothing) break;
        if (read == Read::lost) changes.push_back({.touches_ours = true, .is_lost = true});
    }
    return changes;
}

void read_routing_message(const nlmsghdr& message, RoutingChange& to) {
    to.anything = true;
    const auto type = message.nlmsg_type;
    to.links |= type == RTM_NEWLINK || type == RTM_DELLINK;
    to.ours_is_gone |= (type == RTM_DELADDR && is_our_address(message)) ||
                       (type == RTM_DELROUTE && is_our_route(message)) ||
                       (type == RTM_NEWLINK && is_loopback(message));
}

RoutingEvents::RoutingEvents()
    : fd_(listening_socket(NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                           RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE})),
      buffer_(event_buffer_bytes) {}

RoutingChange RoutingEvents::take() {
    RoutingChange change;
    const auto on_message = [&change](const nlmsghdr& message) {
        read_routing_message(message, change);
    };
    for (std::size_t i = 0; i < changes_max; ++i) {
        const auto read = read_datagram(fd_.get(), buffer_, on_message);
        if (read == Read::nothing) break;
        if (read == Read::lost) change.anything = change.links = change.is_lost = true;
    }
    return change;
}

}  // namespace meshgate::netfilter
