#pragma once

#include "netfilter/conntrack/judgement.h"
#include "netfilter/nftnl/route_netlink.h"
#include "netfilter/nftnl/sockets.h"
#include "src/meshgate-redirect/interfaces.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace meshgate::redirect {

/// The sockets, addresses and routes of this machine as they are when it is made, to say of a
/// connection what conntrack does not know.
class Origins {
public:
    /// @throws std::system_error
    Origins();

    /// What the rules saw of its first packet, had it been sent now.
    netfilter::Origin origin_of(const netfilter::Connection& connection);
    /// Its sockets on this machine: one, both of a connection to itself, or none.
    [[nodiscard]] std::vector<const netfilter::OpenSocket*>
    tcp_sockets_of(const netfilter::Connection& connection) const;

private:
    using Port = std::pair<conf::Protocol, conf::Port>;

    void list_sockets(conf::Protocol protocol);
    void find_owner(const netfilter::Connection& connection, netfilter::Origin& origin) const;
    const std::optional<netfilter::Route>& route_to(const conf::IpAddress& address);
    void find_interface(const netfilter::Connection& connection, netfilter::Origin& origin);

    std::multimap<Port, netfilter::OpenSocket> sockets_;  ///< by their own port
    std::set<conf::Protocol> listed_;                     ///< whose sockets are known
    LocalAddresses addresses_;
    netfilter::RouteNetlink netlink_;
    std::map<conf::IpAddress, std::optional<netfilter::Route>> routes_;  ///< asked once each
};

}  // namespace meshgate::redirect
