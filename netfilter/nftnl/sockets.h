#pragma once

#include "conf/config.h"

#include <cstdint>
#include <vector>

namespace meshgate::netfilter {

/// A socket that waits: listening for TCP, unconnected for UDP.
struct WaitingSocket {
    conf::IpAddress address;  ///< unspecified: at every address; an IPv4-mapped one is IPv4
    conf::Port port = 0;
    bool takes_ipv4 = false;  ///< of `::`: IPv4 too (not IPV6_V6ONLY)
    conf::Uid uid = 0;        ///< who created it, as of skuid; its process may be somebody else's
    std::uint32_t inode = 0;  ///< "socket:[INODE]" in /proc/PID/fd

    /// What is sent to `at` reaches it, as far as its address goes.
    [[nodiscard]] bool waits_at(const conf::IpAddress& at) const noexcept;
};

/// The waiting sockets of this network namespace, both families. By sock_diag(7): the kernel walks
/// the listening sockets only, where /proc/net/tcp makes it walk the table of all connections.
/// @throws std::system_error where the kernel has no sock_diag (ENOENT).
std::vector<WaitingSocket> waiting_sockets(conf::Protocol protocol);

}  // namespace meshgate::netfilter
