#pragma once

#include "conf/config.h"
#include "netfilter/nftnl/netlink.h"

#include <array>
#include <cstdint>
#include <optional>
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

/// A socket that has a peer, or, of UDP, may have many.
struct OpenSocket {
    conf::IpAddress local, remote;  ///< remote: unspecified when it is not connected
    conf::Port lport = 0, rport = 0;
    std::optional<conf::Uid> uid;       ///< as of skuid; none when no process has it, or none yet
    bool is_answered = true;            ///< TCP: the handshake is done
    std::uint8_t family = 0;            ///< AF_INET6 for an IPv4-mapped one too
    std::uint32_t inode = 0;            ///< "socket:[INODE]" in /proc/PID/fd; 0: no process has it
    std::array<std::uint8_t, 48> id{};  ///< the kernel's own name for it (inet_diag_sockid)
};

/// The sockets of this network namespace that carry something, by sock_diag(7). Both members throw
/// std::system_error: ENOENT where the kernel has no sock_diag for that protocol.
class OpenSockets {
public:
    OpenSockets();

    /// Both families. TCP: those that may still send or get something, from the SYN on. UDP: all.
    std::vector<OpenSocket> list(conf::Protocol protocol);

    /// Ends a TCP connection at this end: its process gets ECONNABORTED, its peer a reset
    /// (SOCK_DESTROY).
    /// @return 0, ENOENT when it is gone, EOPNOTSUPP on a kernel without CONFIG_INET_DIAG_DESTROY,
    ///         or another errno.
    int destroy(const OpenSocket& socket);

private:
    Netlink netlink_;
};

}  // namespace meshgate::netfilter
