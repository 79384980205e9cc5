#pragma once

#include "conf/config.h"

#include <vector>

namespace meshgate::netfilter {

/// The ports of this network namespace that somebody waits at, both families: listening for TCP,
/// unconnected for UDP. By sock_diag(7): the kernel walks the listening sockets only, where
/// /proc/net/tcp makes it walk the table of all connections.
/// @throws std::system_error where the kernel has no sock_diag (ENOENT).
std::vector<conf::Port> waiting_ports(conf::Protocol protocol);

}  // namespace meshgate::netfilter
