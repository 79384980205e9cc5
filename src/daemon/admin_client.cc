#include "src/daemon/admin_client.h"

#include "src/common/errors.h"
#include "src/common/unique_fd.h"
#include "src/daemon/admin_listener.h"
#include "src/daemon/http.h"
#include "src/daemon/sockaddr.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace meshgate::daemon {
namespace {

constexpr std::size_t answer_bytes_max = std::size_t{16} << 20;

KernelAddress kernel_address(const AdminAddress& address) {
    if (const auto* tcp = std::get_if<conf::SocketAddress>(&address)) {
        return to_kernel(*tcp);
    }
    const std::string path = std::get<std::string>(address);
    sockaddr_un where{};
    if (path.size() >= sizeof where.sun_path) throw_errno("admin unix:" + path, ENAMETOOLONG);
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, path.data(), path.size());
    KernelAddress out;
    std::memcpy(&out.storage, &where, sizeof where);
    out.length = sizeof where;
    return out;
}

/// A connected socket; none when nobody is there.
UniqueFd connect_to(const AdminAddress& address, const std::string& name,
                     std::chrono::seconds patience) {
    const KernelAddress where = kernel_address(address);
    UniqueFd fd{::socket(where.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd) throw_errno("admin " + name);
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd.get(), where.get(), where.length) == 0) return fd;
    if (errno == EACCES || errno == EPERM) throw_errno("admin " + name);
    return {};
}

std::string exchange(const UniqueFd& fd, const std::string& request, const std::string& name) {
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        throw_errno("admin " + name);
    }
    std::string answer;
    std::array<char, 16384> chunk;
    while (answer.size() < answer_bytes_max) {
        const auto n = ::recv(fd.get(), chunk.data(), chunk.size(), 0);
        if (n < 0) throw_errno("admin " + name);
        if (n == 0) break;
        answer.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return answer;
}

std::optional<pid_t> peer_of(const UniqueFd& fd, const AdminAddress& address) {
    if (!std::holds_alternative<std::string>(address)) return std::nullopt;
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
    return peer.pid;
}

}  // namespace

std::optional<AdminAnswer> ask_admin(const std::vector<std::string>& addresses,
                                     const std::string& path, const char* method,
                                     std::chrono::seconds patience) {
    const std::string request =
        method + (" " + path) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for (const std::string& name : addresses) {
        const AdminAddress address = parse_admin_address(name);
        const UniqueFd fd = connect_to(address, name, patience);
        if (!fd) continue;
        http::Response response = http::parse_response(exchange(fd, request, name));
        return AdminAnswer{response.status, std::move(response.body), peer_of(fd, address), name};
    }
    return std::nullopt;
}

}  // namespace meshgate::daemon
