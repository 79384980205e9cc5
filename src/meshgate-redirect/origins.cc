#include "src/meshgate-redirect/origins.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <system_error>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using Owner = Origin::Owner;

bool is_end_of(const OpenSocket& socket, const Tuple& sent) {
    return socket.local == sent.source && socket.lport == sent.sport &&
           socket.remote == sent.destination && socket.rport == sent.dport;
}

/// UDP that is not connected sends from any address to anybody.
bool may_have_sent(const OpenSocket& socket, const Tuple& sent) {
    if (socket.local != sent.source && !socket.local.is_unspecified()) return false;
    if (socket.rport == 0) return true;
    return socket.remote == sent.destination && socket.rport == sent.dport;
}

std::string name_of(std::uint32_t interface) {
    std::array<char, IF_NAMESIZE> name{};
    return ::if_indextoname(interface, name.data()) == nullptr ? "" : name.data();
}

}  // namespace

Origins::Origins() {
    list_sockets(Protocol::tcp);
    list_sockets(Protocol::udp);
}

void Origins::list_sockets(Protocol protocol) {
    try {
        for (auto& socket : OpenSockets{}.list(protocol)) {
            sockets_.emplace(Port{protocol, socket.lport}, socket);
        }
        listed_.insert(protocol);
    } catch (const std::system_error& error) {
        if (error.code().value() != ENOENT) throw;  // no tcp_diag, or no udp_diag
    }
}

void Origins::find_owner(const Connection& connection, Origin& origin) const {
    origin.owner = listed_.contains(connection.protocol) ? Owner::gone : Owner::unknown;
    const auto [first, last] =
        sockets_.equal_range({connection.protocol, connection.original.sport});
    for (auto at = first; at != last; ++at) {
        const OpenSocket& socket = at->second;
        const bool its = connection.protocol == Protocol::tcp
                             ? is_end_of(socket, connection.original)
                             : may_have_sent(socket, connection.original);
        if (!its || !socket.uid) continue;
        if (origin.owner == Owner::known && origin.uid != socket.uid) {
            origin.owner = Owner::unknown;
            return;
        }
        origin.owner = Owner::known;
        origin.uid = *socket.uid;
    }
}

const std::optional<Route>& Origins::route_to(const conf::IpAddress& address) {
    const auto known = routes_.find(address);
    if (known != routes_.end()) return known->second;
    return routes_.emplace(address, netlink_.lookup(address)).first->second;
}

void Origins::find_interface(const Connection& connection, Origin& origin) {
    const bool from_here = origin.owner != Owner::none;
    const auto& other_end =
        from_here ? connection.original.destination : connection.original.source;
    if (from_here && origin.to_this_host) {
        origin.interface = name_of(loopback_index);
        origin.is_loopback = true;
    } else if (const auto& route = route_to(other_end)) {
        // What arrived came, as far as anybody can tell now, by where the answers go.
        origin.interface = name_of(route->interface);
        origin.is_loopback = route->interface == loopback_index;
    }
}

Origin Origins::origin_of(const Connection& connection) {
    Origin origin;
    if (addresses_.contain(connection.original.source)) find_owner(connection, origin);
    const auto& route = route_to(connection.original.destination);
    origin.to_this_host = route && route->type == RTN_LOCAL;
    find_interface(connection, origin);
    return origin;
}

std::vector<const OpenSocket*> Origins::tcp_sockets_of(const Connection& connection) const {
    std::vector<const OpenSocket*> found;
    for (const auto* sent : {&connection.original, &connection.reply}) {
        const auto [first, last] = sockets_.equal_range({Protocol::tcp, sent->sport});
        for (auto at = first; at != last; ++at) {
            if (is_end_of(at->second, *sent)) found.push_back(&at->second);
        }
    }
    return found;
}

}  // namespace meshgate::redirect
