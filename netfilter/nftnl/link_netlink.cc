#include "netfilter/nftnl/link_netlink.h"

#include "netfilter/nftnl/route_netlink.h"
#include "netfilter/nftnl/route_request.h"
#include "netfilter/nftnl/surroundings.h"
#include "src/common/errors.h"

#include <net/if.h>
#include <netinet/in.h>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <array>
#include <cerrno>

namespace meshgate::netfilter {
namespace {

constexpr std::uint8_t operational = 6;  // IF_OPER_UP of linux/if.h, which net/if.h excludes

/// Before the main table (32766), after the local one (0).
constexpr std::uint32_t rule_priority = 10;

std::uint32_t index_of(const std::string& name) {
    const auto index = ::if_nametoindex(name.c_str());
    if (index == 0) throw_errno("interface " + name);
    return index;
}

void put_rule(RouteRequest<fib_rule_hdr>& request, conf::Family family, conf::Protocol protocol,
              std::uint32_t table) {
    request->family = to_af(family);
    request->action = FR_ACT_TO_TBL;
    request.put_u32(FRA_TABLE, table);
    request.put_u32(FRA_PRIORITY, rule_priority);
    request.put_u8(FRA_PROTOCOL, route_protocol);
    request.put_u8(FRA_IP_PROTO, protocol == conf::Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP);
}

}  // namespace

LinkNetlink::LinkNetlink() : netlink_(NETLINK_ROUTE) {}

void LinkNetlink::expect(const Answer& answer, const std::string& what) {
    if (answer.error != 0) throw_errno(what, answer.error);
}

void LinkNetlink::add_veth(const std::string& name, const std::string& peer, int peer_namespace) {
    RouteRequest<ifinfomsg> request{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL};
    request.put_text(IFLA_IFNAME, name);
    request.nest(IFLA_LINKINFO, [&] {
        request.put_text(IFLA_INFO_KIND, "veth");
        request.nest(IFLA_INFO_DATA, [&] {
            request.nest(VETH_INFO_PEER, [&] {
                request.put_extra(sizeof(ifinfomsg));
                request.put_text(IFLA_IFNAME, peer);
                request.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace));
            });
        });
    });
    expect(netlink_.ask(request.message()), "add interface " + name);
}

void LinkNetlink::remove(const std::string& name) {
    RouteRequest<ifinfomsg> request{RTM_DELLINK, 0};
    request.put_text(IFLA_IFNAME, name);
    const auto answer = netlink_.ask(request.message());
    if (answer.error != ENODEV) expect(answer, "remove interface " + name);
}

void LinkNetlink::set_up(const std::string& name) {
    RouteRequest<ifinfomsg> request{RTM_NEWLINK, 0};
    request->ifi_index = static_cast<int>(index_of(name));
    request->ifi_flags = request->ifi_change = IFF_UP;
    expect(netlink_.ask(request.message()), "set interface " + name + " up");
}

void LinkNetlink::set_up_alone(const std::string& name) {
    constexpr std::array<std::uint8_t, 6> own{0x02, 'm', 'g', 'c', 'l', 0};  // IEEE 802: local
    RouteRequest<ifinfomsg> request{RTM_NEWLINK, 0};
    request->ifi_index = static_cast<int>(index_of(name));
    request->ifi_flags = request->ifi_change = IFF_UP | IFF_NOARP;
    request.put_bytes(IFLA_ADDRESS, own);
    expect(netlink_.ask(request.message()), "set interface " + name + " up");
}

bool LinkNetlink::is_running(const std::string& name) {
    RouteRequest<ifinfomsg> request{RTM_GETLINK, 0};
    request->ifi_index = static_cast<int>(index_of(name));
    bool running = false;
    const auto answer = netlink_.ask(request.message(), [&](const nlmsghdr& message) {
        for_each_attribute(message, sizeof(ifinfomsg), [&running](const nlattr& attribute) {
            const bool is_state = mnl_attr_get_type(&attribute) == IFLA_OPERSTATE &&
                                  mnl_attr_validate(&attribute, MNL_TYPE_U8) == 0;
            if (is_state) running = mnl_attr_get_u8(&attribute) == operational;
        });
    });
    expect(answer, "interface " + name);
    return running;
}

int LinkNetlink::add_address(const std::string& interface, const conf::IpAddress& address,
                             std::uint8_t prefix) {
    RouteRequest<ifaddrmsg> request{RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL};
    request->ifa_family = to_af(address.family());
    request->ifa_prefixlen = prefix;
    request->ifa_index = index_of(interface);
    request.put(IFA_LOCAL, address);
    request.put(IFA_ADDRESS, address);
    request.put_u32(IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT);
    return netlink_.ask(request.message()).error;
}

void LinkNetlink::take_all_addresses(conf::Family family) {
    RouteRequest<rtmsg> request{RTM_NEWROUTE, NLM_F_CREATE};
    request->rtm_family = to_af(family);
    request->rtm_table = RT_TABLE_MAIN;
    request->rtm_protocol = route_protocol;
    request->rtm_type = RTN_LOCAL;
    request->rtm_scope = family == conf::Family::ipv4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    request.put_u32(RTA_OIF, loopback_index);
    expect(netlink_.ask(request.message()), "take all addresses");
}

void LinkNetlink::add_default_route(const std::string& interface, const conf::IpAddress& gateway,
                                    std::uint32_t table) {
    RouteRequest<rtmsg> request{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE};
    request->rtm_family = to_af(gateway.family());
    request->rtm_table = RT_TABLE_UNSPEC;
    request->rtm_protocol = route_protocol;
    request->rtm_type = RTN_UNICAST;
    request.put(RTA_GATEWAY, gateway);
    request.put_u32(RTA_OIF, index_of(interface));
    request.put_u32(RTA_TABLE, table);
    expect(netlink_.ask(request.message()), "add a route by " + interface);
}

void LinkNetlink::add_route(const conf::IpAddress& address, const std::string& interface,
                            std::uint32_t table) {
    RouteRequest<rtmsg> request{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE};
    request->rtm_family = to_af(address.family());
    request->rtm_dst_len = static_cast<std::uint8_t>(address.bytes().size() * 8);
    request->rtm_table = RT_TABLE_UNSPEC;
    request->rtm_protocol = route_protocol;
    request->rtm_type = RTN_UNICAST;
    request->rtm_scope = RT_SCOPE_LINK;
    request.put(RTA_DST, address);
    request.put_u32(RTA_OIF, index_of(interface));
    request.put_u32(RTA_TABLE, table);
    expect(netlink_.ask(request.message()), "add a route to " + address.to_string());
}

void LinkNetlink::add_default_route(const std::string& interface, conf::Family family) {
    RouteRequest<rtmsg> request{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE};
    request->rtm_family = to_af(family);
    request->rtm_table = RT_TABLE_MAIN;
    request->rtm_protocol = route_protocol;
    request->rtm_type = RTN_UNICAST;
    request->rtm_scope = RT_SCOPE_LINK;
    request.put_u32(RTA_OIF, index_of(interface));
    expect(netlink_.ask(request.message()), "add a route by " + interface);
}

void LinkNetlink::add_host_route(const conf::IpAddress& address, const conf::IpAddress& gateway) {
    RouteRequest<rtmsg> request{RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE};
    request->rtm_family = to_af(address.family());
    request->rtm_dst_len = static_cast<std::uint8_t>(address.bytes().size() * 8);
    request->rtm_table = RT_TABLE_MAIN;
    request->rtm_protocol = route_protocol;
    request->rtm_type = RTN_UNICAST;
    request.put(RTA_DST, address);
    request.put(RTA_GATEWAY, gateway);
    expect(netlink_.ask(request.message()), "add a route to " + address.to_string());
}

void LinkNetlink::add_rules(const RoutedFlow& flow, std::uint32_t table) {
    for (const std::uint16_t side : {FRA_SPORT_RANGE, FRA_DPORT_RANGE}) {
        RouteRequest<fib_rule_hdr> request{RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL};
        put_rule(request, flow.family, flow.protocol, table);
        request.put_bytes(side, fib_rule_port_range{flow.port, flow.port});
        expect(netlink_.ask(request.message()), "add a rule for port " + std::to_string(flow.port));
    }
}

void LinkNetlink::add_rule(const RoutedDestination& destination, std::uint32_t table) {
    RouteRequest<fib_rule_hdr> request{RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL};
    put_rule(request, destination.address.family(), destination.protocol, table);
    request->dst_len = static_cast<std::uint8_t>(destination.address.bytes().size() * 8);
    request.put(FRA_DST, destination.address);
    request.put_bytes(FRA_DPORT_RANGE, fib_rule_port_range{destination.port, destination.port});
    if (const auto& user = destination.user) {
        request.put_bytes(FRA_UID_RANGE, fib_rule_uid_range{*user, *user});
    }
    const auto answer = netlink_.ask(request.message());
    if (answer.error != EEXIST) {
        expect(answer, "add a rule for " + destination.address.to_string());
    }
}

void LinkNetlink::remove_rules(std::uint32_t table) {
    constexpr int most = 4096;  // whoever may make rules may make them faster than they go
    for (const auto family : {conf::Family::ipv4, conf::Family::ipv6}) {
        for (int i = 0; i < most; ++i) {
            RouteRequest<fib_rule_hdr> request{RTM_DELRULE, 0};
            request->family = to_af(family);
            request->action = FR_ACT_TO_TBL;
            request.put_u32(FRA_TABLE, table);
            request.put_u32(FRA_PRIORITY, rule_priority);
            request.put_u8(FRA_PROTOCOL, route_protocol);
            if (netlink_.ask(request.message()).error != 0) break;
        }
    }
}

}  // namespace meshgate::netfilter
