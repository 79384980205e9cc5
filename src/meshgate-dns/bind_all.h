#pragma once

#include "dns/server/sockets.h"

#include <vector>

namespace meshgate::dnsd {

/// Binds the addresses for as many workers as there are to be (worker_count()). What is skipped is
/// logged.
/// @throws std::runtime_error, NotPermitted; both say what a person can do.
dns::server::BoundSockets bind_all(const std::vector<conf::SocketAddress>& addresses);

}  // namespace meshgate::dnsd
