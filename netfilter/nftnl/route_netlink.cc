#include "netfilter/nftnl/route_netlink.h"

#include "netfilter/nftnl/route_request.h"

#include "src/common/errors.h"

#include <netinet/in.h>

#include <net/if.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace meshgate::netfilter {

namespace {

IpAddress loopback_address(Family family) {
    constexpr std::array<std::uint8_t, 4> localhost4{127, 0, 0, 1};
    constexpr std::array<std::uint8_t, 16> localhost6{0, 0, 0, 0, 0, 0, 0, 0,
                                                      0, 0, 0, 0, 0, 0, 0, 1};
    return family == Family::ipv4 ? IpAddress::ipv4(localhost4) : IpAddress::ipv6(localhost6);
}

std::optional<IpAddress> to_address(const nlattr& attribute) {
    const auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(&attribute));
    switch (mnl_attr_get_payload_len(&attribute)) {
    case 4:
        return IpAddress::ipv4(std::span<const std::uint8_t, 4>{bytes, 4});
    case 16:
        return IpAddress::ipv6(std::span<const std::uint8_t, 16>{bytes, 16});
    default:
        return std::nullopt;
    }
}

std::uint32_t to_u32(const nlattr& attribute) {
    return mnl_attr_validate(&attribute, MNL_TYPE_U32) == 0 ? mnl_attr_get_u32(&attribute) : 0;
}

/// The header of a message of that type; null for any other message.
template <class Header>
const Header* header_of(const nlmsghdr& message, std::uint16_t type) {
    if (message.nlmsg_type != type || message.nlmsg_len < mnl_nlmsg_size(sizeof(Header))) {
        return nullptr;
    }
    return static_cast<const Header*>(mnl_nlmsg_get_payload(&message));
}

/// Whether IFLA_AF_SPEC of a device says that IPv6 is there and not disabled.
bool ipv6_enabled(const nlattr& af_spec) {
    bool enabled = false;
    for_each_nested(af_spec, [&enabled](const nlattr& family) {
        if (mnl_attr_get_type(&family) != AF_INET6) return;
        for_each_nested(family, [&enabled](const nlattr& attribute) {
            if (mnl_attr_get_type(&attribute) != IFLA_INET6_CONF) return;
            const std::span settings{
                static_cast<const std::int32_t*>(mnl_attr_get_payload(&attribute)),
                mnl_attr_get_payload_len(&attribute) / sizeof(std::int32_t)};
            enabled = settings.size() > DEVCONF_DISABLE_IPV6 && settings[DEVCONF_DISABLE_IPV6] == 0;
        });
    });
    return enabled;
}

std::optional<Route> to_route(const nlmsghdr& message) {
    const auto* header = header_of<rtmsg>(message, RTM_NEWROUTE);
    if (header == nullptr || (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)) {
        return std::nullopt;
    }
    constexpr std::array<std::uint8_t, 16> zero{};
    const bool ipv4 = header->rtm_family == AF_INET;
    Route route{.destination = {ipv4 ? IpAddress{} : IpAddress::ipv6(zero), header->rtm_dst_len},
                .table = header->rtm_table,
                .protocol = header->rtm_protocol,
                .type = header->rtm_type};
    for_each_attribute(message, sizeof(rtmsg), [&route](const nlattr& attribute) {
        const auto type = mnl_attr_get_type(&attribute);
        if (type == RTA_DST) route.destination.base = to_address(attribute).value_or(IpAddress{});
        if (type == RTA_TABLE) route.table = to_u32(attribute);
        if (type == RTA_OIF) route.interface = to_u32(attribute);
        if (type == RTA_PREFSRC) route.has_source = true;
    });
    return route;
}

std::optional<InterfaceAddress> to_interface_address(const nlmsghdr& message) {
    const auto* header = header_of<ifaddrmsg>(message, RTM_NEWADDR);
    if (header == nullptr || header->ifa_family != AF_INET6) return std::nullopt;
    InterfaceAddress address{.address = {},
                             .prefix = header->ifa_prefixlen,
                             .interface = header->ifa_index,
                             .protocol = std::nullopt};
    for_each_attribute(message, sizeof(ifaddrmsg), [&address](const nlattr& attribute) {
        const auto type = mnl_attr_get_type(&attribute);
        if (type == IFA_ADDRESS) address.address = to_address(attribute).value_or(IpAddress{});
        if (type == IFA_PROTO && mnl_attr_validate(&attribute, MNL_TYPE_U8) == 0) {
            address.protocol = mnl_attr_get_u8(&attribute);
        }
    });
    return address;
}

/// Dumps again when the objects changed meanwhile.
template <class Dump>
void dump(Dump once) {
    constexpr int max_route_attempts = 32;
    for (int attempt = 0; attempt < max_route_attempts; ++attempt) {
        if (once() == Netlink::Dumped::whole) return;
    }
    throw_errno("read addresses and routes", EAGAIN);
}

/// Some errors of a lookup are its answer: there is no route, or one that refuses.
bool is_answer(int error) {
    return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL ||
           error == EOPNOTSUPP || error == EAFNOSUPPORT;
}

}  // namespace

RouteNetlink::RouteNetlink() : netlink_(NETLINK_ROUTE) {}

LoopbackState RouteNetlink::loopback() {
    LoopbackState state;
    RouteRequest<ifinfomsg> request{RTM_GETLINK, 0};
    request->ifi_index = loopback_index;
    const auto answer = netlink_.ask(request.message(), [&state](const nlmsghdr& message) {
        const auto* header = header_of<ifinfomsg>(message, RTM_NEWLINK);
        if (header == nullptr) return;
        state.up = (header->ifi_flags & IFF_UP) != 0;
        for_each_attribute(message, sizeof(ifinfomsg), [&state](const nlattr& attribute) {
            if (mnl_attr_get_type(&attribute) == IFLA_AF_SPEC) state.ipv6 = ipv6_enabled(attribute);
        });
    });
    if (answer.error != 0) throw_errno("ask for the loopback device", answer.error);
    return state;
}

std::vector<InterfaceAddress> RouteNetlink::ipv6_addresses() {
    std::vector<InterfaceAddress> addresses;
    dump([&] {
        addresses.clear();
        RouteRequest<ifaddrmsg> request{RTM_GETADDR, 0};
        request->ifa_family = AF_INET6;
        return netlink_.dump(request.message(), [&addresses](const nlmsghdr& message) {
            if (const auto address = to_interface_address(message)) addresses.push_back(*address);
        });
    });
    return addresses;
}

bool RouteNetlink::has_ipv4_address() {
    bool found = false;
    dump([&] {
        found = false;
        RouteRequest<ifaddrmsg> request{RTM_GETADDR, 0};
        request->ifa_family = AF_INET;
        return netlink_.dump(request.message(), [&found](const nlmsghdr& message) {
            const auto* header = header_of<ifaddrmsg>(message, RTM_NEWADDR);
            found |= header != nullptr && header->ifa_family == AF_INET &&
                     header->ifa_index != loopback_index &&
                     header->ifa_scope == RT_SCOPE_UNIVERSE;
        });
    });
    return found;
}

std::vector<Route> RouteNetlink::routes(std::uint8_t protocol) {
    std::vector<Route> routes;
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        const auto others = routes.size();
        dump([&] {
            routes.resize(others);
            RouteRequest<rtmsg> request{RTM_GETROUTE, 0};
            request->rtm_family = to_af(family);
            request->rtm_protocol = protocol;  // a kernel that cannot filter sends all
            return netlink_.dump(request.message(), [&](const nlmsghdr& message) {
                const auto route = to_route(message);
                if (route && route->protocol == protocol &&
                    route->destination.base.family() == family) {
                    routes.push_back(*route);
                }
            });
        });
    }
    return routes;
}

std::optional<Route> RouteNetlink::lookup(const IpAddress& destination) {
    RouteRequest<rtmsg> request{RTM_GETROUTE, 0};
    request->rtm_family = to_af(destination.family());
    request->rtm_dst_len = static_cast<std::uint8_t>(destination.bytes().size() * 8);
    request->rtm_flags = RTM_F_FIB_MATCH;
    request.put(RTA_DST, destination);
    std::optional<Route> route;
    const auto answer = netlink_.ask(request.message(), [&route](const nlmsghdr& message) {
        if (!route) route = to_route(message);
    });
    if (answer.error != 0 && !is_answer(answer.error)) {
        throw_errno("ask for the route to " + destination.to_string(), answer.error);
    }
    if (route && route->type != RTN_UNICAST && route->type != RTN_LOCAL) return std::nullopt;
    return route;
}

int RouteNetlink::add_loopback_address(const IpAddress& address, std::uint8_t protocol) {
    return put_loopback_address(address, protocol, NLM_F_CREATE | NLM_F_EXCL);
}

int RouteNetlink::replace_loopback_address(const IpAddress& address, std::uint8_t protocol) {
    return put_loopback_address(address, protocol, NLM_F_REPLACE);
}

int RouteNetlink::put_loopback_address(const IpAddress& address, std::uint8_t protocol,
                                       std::uint16_t flags) {
    RouteRequest<ifaddrmsg> request{RTM_NEWADDR, flags};
    request->ifa_family = to_af(address.family());
    request->ifa_prefixlen = static_cast<std::uint8_t>(address.bytes().size() * 8);
    request->ifa_index = loopback_index;
    request.put(IFA_LOCAL, address);
    request.put(IFA_ADDRESS, address);
    request.put_u8(IFA_PROTO, protocol);
    return netlink_.ask(request.message()).error;
}

int RouteNetlink::remove_loopback_address(const IpAddress& address) {
    RouteRequest<ifaddrmsg> request{RTM_DELADDR, 0};
    request->ifa_family = to_af(address.family());
    request->ifa_prefixlen = static_cast<std::uint8_t>(address.bytes().size() * 8);
    request->ifa_index = loopback_index;
    request.put(IFA_LOCAL, address);
    return netlink_.ask(request.message()).error;
}

int RouteNetlink::add_loopback_route(const Cidr& range, std::uint8_t protocol, bool with_source) {
    RouteRequest<rtmsg> request{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL};
    const bool ipv4 = range.base.family() == Family::ipv4;
    request->rtm_family = to_af(range.base.family());
    request->rtm_dst_len = range.prefix;
    request->rtm_table = RT_TABLE_MAIN;
    request->rtm_protocol = protocol;
    request->rtm_type = RTN_UNICAST;
    request->rtm_scope = ipv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    request.put(RTA_DST, range.base);
    if (with_source) request.put(RTA_PREFSRC, loopback_address(range.base.family()));
    request.put_u32(RTA_OIF, loopback_index);
    return netlink_.ask(request.message()).error;
}

int RouteNetlink::remove_route(const Route& route) {
    RouteRequest<rtmsg> request{RTM_DELROUTE, 0};
    request->rtm_family = to_af(route.destination.base.family());
    request->rtm_dst_len = route.destination.prefix;
    request->rtm_table = RT_TABLE_UNSPEC;  // tables above 255 go by the attribute
    request->rtm_protocol = route.protocol;
    request->rtm_scope = RT_SCOPE_NOWHERE;  // any
    request.put(RTA_DST, route.destination.base);
    request.put_u32(RTA_TABLE, route.table);
    request.put_u32(RTA_OIF, route.interface);
    return netlink_.ask(request.message()).error;
}

}  // namespace meshgate::netfilter
