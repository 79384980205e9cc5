#pragma once

#include "conf/address.h"
#include "conf/ranges.h"
#include "netfilter/nftnl/netlink.h"

#include <cstdint>
#include <optional>
#include <string>

namespace meshgate::netfilter {

/// One flow of this machine: what a rule of policy routing is limited to.
struct RoutedFlow {
    conf::Family family = conf::Family::ipv4;
    conf::Protocol protocol = conf::Protocol::udp;
    conf::Port port = 0;  ///< its own
};

/// What goes to one port of one address.
struct RoutedDestination {
    conf::IpAddress address;
    conf::Protocol protocol = conf::Protocol::tcp;
    conf::Port port = 0;
    std::optional<std::uint32_t> user;  ///< and only from sockets of this uid
};

/// Interfaces that this program makes for itself, and their addresses and routes, in the network
/// namespace of the thread that makes it (rtnetlink(7)). A refusal is thrown as std::system_error,
/// saying what failed.
class LinkNetlink {
public:
    LinkNetlink();

    /// `ip link add NAME type veth peer name PEER netns FD`, both down.
    /// @param peer_namespace  an open descriptor of it
    void add_veth(const std::string& name, const std::string& peer, int peer_namespace);
    /// It goes with its peer. No error when it is gone.
    void remove(const std::string& name);
    void set_up(const std::string& name);
    /// Up, and without neighbours: all that it sends is for the hardware address that it has itself,
    /// which is that of its peer, too. Nobody is asked who has an address (IFF_NOARP).
    void set_up_alone(const std::string& name);

    /// Its cable is plugged in, and the kernel has taken notice: it drops no packet any more.
    bool is_running(const std::string& name);

    /// Without duplicate address detection, so that it is usable at once.
    /// @return the kernel's error: EACCES or EOPNOTSUPP where IPv6 is off
    int add_address(const std::string& interface, const conf::IpAddress& address,
                    std::uint8_t prefix);

    /// All addresses are of this network namespace: `ip route add local default dev lo`.
    void take_all_addresses(conf::Family family);

    /// `ip route add default via GATEWAY dev INTERFACE table TABLE`
    void add_default_route(const std::string& interface, const conf::IpAddress& gateway,
                           std::uint32_t table);

    /// `ip route add ADDRESS dev INTERFACE table TABLE`
    void add_route(const conf::IpAddress& address, const std::string& interface,
                   std::uint32_t table);
    /// `ip route add default dev INTERFACE`
    void add_default_route(const std::string& interface, conf::Family family);

    /// `ip route add ADDRESS via GATEWAY`
    void add_host_route(const conf::IpAddress& address, const conf::IpAddress& gateway);

    /// Has what this flow sends, and what is checked of its answers, routed by `table`: two rules
    /// (FRA_SPORT_RANGE and FRA_DPORT_RANGE, Linux 4.17), marked as ours.
    void add_rules(const RoutedFlow& flow, std::uint32_t table);
    /// TCP and UDP that arrive at `from` arrive at `to` instead, for all that looks at them from there
    /// on: `tc filter add dev FROM ingress ... action mirred ingress redirect dev TO`.
    /// @return the kernel's error: ENOENT or EOPNOTSUPP where it has no sch_ingress, cls_u32 or
    /// act_mirred
    int hand_over(const std::string& from, const std::string& to);

    /// `ip rule add to ADDRESS ipproto PROTOCOL dport PORT uidrange USER-USER table TABLE`, marked as
    /// ours. Once more is no error.
    void add_rule(const RoutedDestination& destination, std::uint32_t table);
    /// Removes all rules to `table` that are marked as ours.
    void remove_rules(std::uint32_t table);

private:
    void expect(const Answer& answer, const std::string& what);
    Netlink netlink_;
};

}  // namespace meshgate::netfilter
