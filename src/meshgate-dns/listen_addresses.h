#pragma once

#include "conf/config.h"

#include <vector>

namespace meshgate::dnsd {

/// dns.listen with each interface replaced by the addresses it has now, without duplicates.
/// @throws std::runtime_error for an interface that is not there or has no address.
std::vector<conf::SocketAddress> listen_addresses(const std::vector<conf::Listen>& listen);

/// The addresses of all interfaces of this host as they are now.
std::vector<conf::IpAddress> local_addresses();

}  // namespace meshgate::dnsd
