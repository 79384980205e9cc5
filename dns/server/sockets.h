#pragma once

#include "conf/address.h"
#include "src/common/unique_fd.h"

#include <span>
#include <string>
#include <vector>

namespace meshgate::dns::server {

/// The listening sockets of one worker. UDP and TCP of one address are always there together.
struct WorkerSockets {
    std::vector<UniqueFd> udp;
    std::vector<UniqueFd> tcp;
};

struct BoundSockets {
    std::vector<WorkerSockets> workers;
    std::vector<conf::SocketAddress>
        addresses;  ///< as bound, ports resolved when 0 was asked (tests)
    std::vector<std::string>
        skipped;  ///< a line for each IPv6 address this host cannot bind because IPv6 is off
};

/// Binds UDP and TCP of every address for every worker (SO_REUSEPORT, IPV6_V6ONLY, PKTINFO on
/// wildcards, non-blocking, CLOEXEC).
///
/// The first bind of each address is without SO_REUSEPORT, so that any second server is found, ours
/// or another's, whatever its uid; the option is set behind it, for the other workers to join. With
/// one worker it stays off, and nobody can join. All of this happens before the user is changed: a
/// socket of another uid cannot join the port later (kernel: sk_reuseport uid check). An IPv6
/// address is skipped where IPv6 is off, unless nothing else is left.
/// @throws std::system_error "listen 127.0.0.1:15053 (udp): Address already in use"
BoundSockets bind_sockets(std::span<const conf::SocketAddress> addresses, std::size_t workers);

}  // namespace meshgate::dns::server
