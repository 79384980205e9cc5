#pragma once

#include "conf/address.h"
#include "netfilter/nftnl/netlink.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace meshgate::netfilter {

using conf::Cidr;
using conf::Family;
using conf::IpAddress;

/// Index of the loopback device in every network namespace (LOOPBACK_IFINDEX, linux/net.h in the
/// kernel), whatever its name.
inline constexpr std::uint32_t loopback_index = 1;

struct LoopbackState {
    bool up = false;
    bool ipv6 = false;  ///< the kernel has IPv6 and it is not disabled on the device
};

struct InterfaceAddress {
    IpAddress address;
    std::uint8_t prefix = 0;
    std::uint32_t interface = 0;
    std::optional<std::uint8_t> protocol;  ///< IFA_PROTO; none before Linux 5.18
};

struct Route {
    Cidr destination;
    std::uint32_t table = 0;
    std::uint8_t protocol = 0;  ///< RTPROT_...
    std::uint8_t type = 0;      ///< RTN_UNICAST, RTN_LOCAL, ...
    std::uint32_t interface = 0;
    bool has_source = false;  ///< RTA_PREFSRC
};

/// Addresses and routes of the network namespace of the thread that makes it (rtnetlink(7)). All
/// members throw std::system_error when the kernel cannot be asked; a change that it refuses is
/// returned as its errno.
class RouteNetlink {
public:
    RouteNetlink();

    LoopbackState loopback();
    std::vector<InterfaceAddress> ipv6_addresses();
    /// Some other device than lo has an IPv4 address for the world.
    bool has_ipv4_address();
    /// All tables of both families; only the routes with that protocol.
    std::vector<Route> routes(std::uint8_t protocol);
    /// The route that a packet to `destination` takes, with the network that matched; none when
    /// there is no usable one.
    std::optional<Route> lookup(const IpAddress& destination);

    /// `ip address add ADDRESS/128 dev lo proto PROTOCOL`
    int add_loopback_address(const IpAddress& address, std::uint8_t protocol);
    /// The same over one that is there, which keeps its sockets.
    int replace_loopback_address(const IpAddress& address, std::uint8_t protocol);
    int remove_loopback_address(const IpAddress& address);
    /// `ip route add RANGE dev lo proto PROTOCOL src 127.0.0.1`, or `src ::1`. Without the source
    /// the kernel takes another address of lo, ::6 before all, which means something else there,
    /// and 0.0.0.0 when lo is the only device. An IPv4 route without it has as source what another
    /// device has at the time of each connection.
    int add_loopback_route(const Cidr& range, std::uint8_t protocol, bool with_source = true);
    int remove_route(const Route& route);

private:
    int put_loopback_address(const IpAddress& address, std::uint8_t protocol, std::uint16_t flags);
    Netlink netlink_;
};

}  // namespace meshgate::netfilter
