#include "src/meshgate-dns/own_listeners.h"

#include <algorithm>

namespace meshgate::dnsd {
namespace {

using conf::IpAddress;

/// The address a packet to `asked` really goes to.
IpAddress destination(const IpAddress& asked) {
    if (!asked.is_unspecified()) return asked;
    return IpAddress::parse(asked.family() == conf::Family::ipv4 ? "127.0.0.1" : "::1").value();
}

bool is_local(const IpAddress& address, std::span<const IpAddress> local) {
    return address.is_loopback() || std::find(local.begin(), local.end(), address) != local.end();
}

}  // namespace

bool is_own_listener(const conf::SocketAddress& upstream,
                     std::span<const conf::SocketAddress> listening,
                     std::span<const IpAddress> local) {
    const IpAddress address = destination(upstream.address);
    return std::any_of(listening.begin(), listening.end(), [&](const conf::SocketAddress& own) {
        if (own.port != upstream.port || own.address.family() != address.family()) return false;
        if (own.address.is_unspecified()) return is_local(address, local);
        // The same link-local address may be there on several links.
        return own.address == address &&
               (own.scope.empty() || upstream.scope.empty() || own.scope == upstream.scope);
    });
}

}  // namespace meshgate::dnsd
