#include "dns/server/sockets.h"

#include "src/common/errors.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <system_error>

namespace meshgate::dns::server {

namespace {

constexpr int buffer_bytes = 4 << 20;  ///< a burst of some ten thousand queries waits, not drops
constexpr int tcp_backlog = 1024;
constexpr int port_attempts = 16;  ///< port 0 only: the UDP port given may be taken in TCP

enum class Share { alone, group };

/// A sockaddr of either family.
struct Bindable {
    sockaddr_storage storage{};
    socklen_t bytes = 0;

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

std::string what(const conf::SocketAddress& address, int type) {
    return "listen " + address.to_string() + (type == SOCK_DGRAM ? " (udp)" : " (tcp)");
}

Bindable to_sockaddr(const conf::SocketAddress& address) {
    Bindable out;
    const auto bytes = address.address.bytes();
    if (address.address.family() == conf::Family::ipv4) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, bytes.data(), sizeof v4.sin_addr);
        out.bytes = sizeof v4;
        return out;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), sizeof v6.sin6_addr);
    if (!address.scope.empty()) {
        v6.sin6_scope_id = if_nametoindex(address.scope.c_str());
        if (v6.sin6_scope_id == 0) throw_errno("listen " + address.to_string());
    }
    out.bytes = sizeof v6;
    return out;
}

std::uint16_t bound_port(int fd) {
    sockaddr_storage name{};
    socklen_t bytes = sizeof name;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &bytes) != 0)
        throw_errno("getsockname");
    return ntohs(name.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(name).sin_port
                                           : reinterpret_cast<const sockaddr_in6&>(name).sin6_port);
}

void set(int fd, int level, int option, int value, const std::string& name) {
    if (setsockopt(fd, level, option, &value, sizeof value) != 0) throw_errno(name);
}

/// An option that only makes things better: an old kernel or a missing privilege is no error.
void prefer(int fd, int level, int option, int value) noexcept {
    static_cast<void>(setsockopt(fd, level, option, &value, sizeof value));
}

void set_udp_options(int fd, const conf::SocketAddress& address, const std::string& name) {
    for (const auto& [force, plain] :
         {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
        if (setsockopt(fd, SOL_SOCKET, force, &buffer_bytes, sizeof buffer_bytes) != 0)
            prefer(fd, SOL_SOCKET, plain, buffer_bytes);
    }
    // A forged ICMP "fragmentation needed" must not make us send fragments (RFC 9715).
    const bool v4 = address.address.family() == conf::Family::ipv4;
    if (v4)
        prefer(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    else
        prefer(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    // Needed on wildcards only: elsewhere the reply's source is the socket's own address.
    if (!address.address.is_unspecified()) return;
    if (v4)
        set(fd, IPPROTO_IP, IP_PKTINFO, 1, name);
    else
        set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, name);
}

/// A bound socket. `first` of a group binds without SO_REUSEPORT, which fails when anybody has the
/// address, and turns it on afterwards: the kernel looks at the flag of each socket when the next
/// one binds (udp_lib_lport_inuse, inet_csk_bind_conflict), so no moment is left in between.
UniqueFd bind_one(const conf::SocketAddress& address, int type, Share share, bool first) {
    const std::string name = what(address, type);
    const bool v6 = address.address.family() == conf::Family::ipv6;
    UniqueFd fd{::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) throw_errno(name);
    if (v6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, name);
    if (type == SOCK_DGRAM) set_udp_options(fd.get(), address, name);
    // TCP: connections in TIME_WAIT must not keep a restart out; a listener still does.
    if (type == SOCK_STREAM) set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, name);
    if (!first) set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, name);
    const Bindable to = to_sockaddr(address);
    if (::bind(fd.get(), to.get(), to.bytes) != 0) throw_errno(name);
    if (first && share == Share::group) set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, name);
    if (type == SOCK_STREAM) {
        set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, name);  // accepted sockets inherit it
        if (::listen(fd.get(), tcp_backlog) != 0) throw_errno(name);
    }
    return fd;
}

/// Both protocols of one address for all workers: [worker] in each.
struct Group {
    conf::SocketAddress address;
    std::vector<UniqueFd> udp;
    std::vector<UniqueFd> tcp;
};

Group bind_group(conf::SocketAddress address, std::size_t workers) {
    const Share share = workers > 1 ? Share::group : Share::alone;
    Group group;
    group.udp.push_back(bind_one(address, SOCK_DGRAM, share, true));
    address.port = bound_port(group.udp.front().get());
    group.tcp.push_back(bind_one(address, SOCK_STREAM, share, true));
    for (std::size_t i = 1; i < workers; ++i) {
        group.udp.push_back(bind_one(address, SOCK_DGRAM, share, false));
        group.tcp.push_back(bind_one(address, SOCK_STREAM, share, false));
    }
    group.address = std::move(address);
    return group;
}

Group bind_any_port(const conf::SocketAddress& address, std::size_t workers) {
    for (int attempt = 1;; ++attempt) {
        try {
            return bind_group(address, workers);
        } catch (const std::system_error& error) {
            // The kernel chose the port by UDP alone; in TCP it may be somebody's.
            if (error.code() != std::errc::address_in_use || attempt == port_attempts) throw;
        }
    }
}

/// IPv6 is off when not even ::1 can be bound (ipv6.disable=1, or disable_ipv6 on lo).
bool ipv6_is_off() {
    const UniqueFd fd{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!fd) return errno == EAFNOSUPPORT;
    sockaddr_in6 loopback{};
    loopback.sin6_family = AF_INET6;
    loopback.sin6_addr = in6addr_loopback;
    return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) != 0 &&
           errno == EADDRNOTAVAIL;
}

bool is_missing_ipv6(const conf::SocketAddress& address, const std::error_code& code) {
    if (address.address.family() != conf::Family::ipv6) return false;
    return code == std::errc::address_family_not_supported ||
           (code == std::errc::address_not_available && ipv6_is_off());
}

}  // namespace

BoundSockets bind_sockets(std::span<const conf::SocketAddress> addresses, std::size_t workers) {
    BoundSockets bound;
    bound.workers.resize(std::max<std::size_t>(workers, 1));
    std::optional<std::system_error> skipped;
    for (const auto& address : addresses) {
        try {
            Group group = address.port == 0 ? bind_any_port(address, bound.workers.size())
                                            : bind_group(address, bound.workers.size());
            for (std::size_t i = 0; i < bound.workers.size(); ++i) {
                bound.workers[i].udp.push_back(std::move(group.udp[i]));
                bound.workers[i].tcp.push_back(std::move(group.tcp[i]));
            }
            bound.addresses.push_back(std::move(group.address));
        } catch (const std::system_error& error) {
            if (!is_missing_ipv6(address, error.code())) throw;
            bound.skipped.push_back("listen " + address.to_string() +
                                    ": skipped, this host has no IPv6");
            skipped = error;
        }
    }
    if (bound.addresses.empty() && skipped) throw *skipped;
    return bound;
}

}  // namespace meshgate::dns::server
