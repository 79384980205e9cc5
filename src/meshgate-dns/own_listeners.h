#pragma once

#include "conf/address.h"

#include <span>

namespace meshgate::dnsd {

/// Whether a query sent to `upstream` would arrive at one of our own sockets: a listener's very
/// address, an address of this host at the port of a wildcard listener, or 0.0.0.0 and ::, which
/// connect() takes for this host. Asking it would be a loop.
///
/// @param listening as bound.
/// @param local     the addresses of this host's interfaces; all of 127.0.0.0/8 counts as well.
bool is_own_listener(const conf::SocketAddress& upstream,
                     std::span<const conf::SocketAddress> listening,
                     std::span<const conf::IpAddress> local);

}  // namespace meshgate::dnsd
