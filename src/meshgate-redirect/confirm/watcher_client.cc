#include "src/meshgate-redirect/confirm/watcher_client.h"

#include "src/common/errors.h"

#include <linux/capability.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace meshgate::redirect {
namespace {

constexpr std::string_view socket_start = "meshgate-redirect/confirm/";
constexpr std::size_t line_bytes_max = 1024;
constexpr std::chrono::seconds status_patience{2};
/// Putting rules back through iptables takes as long as its programs do.
constexpr std::chrono::seconds undo_patience{60};
constexpr std::chrono::seconds end_patience{2};

struct AbstractAddress {
    sockaddr_un address{};
    socklen_t length = 0;
};

AbstractAddress abstract_address(std::string_view name) {
    AbstractAddress made;
    made.address.sun_family = AF_UNIX;
    if (name.size() + 1 > sizeof made.address.sun_path) {
        throw_errno("abstract socket", ENAMETOOLONG);
    }
    std::memcpy(made.address.sun_path + 1, name.data(), name.size());
    made.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return made;
}

/// "0000000000000000: 00000002 00000000 00010000 0001 01 23456 @NAME": flags 00010000 is a
/// listening one (__SO_ACCEPTCON).
std::string_view listening_name(std::string_view line) {
    constexpr std::string_view listening = " 00010000 ";
    const auto at = line.find(" @");
    if (at == line.npos || line.substr(0, at).find(listening) == line.npos) return {};
    return line.substr(at + 2);
}

/// CapEff of /proc/PID/status, proc(5).
bool has_net_admin(pid_t process) {
    std::ifstream in{"/proc/" + std::to_string(process) + "/status"};
    for (std::string line; std::getline(in, line);) {
        constexpr std::string_view key = "CapEff:\t";
        if (!line.starts_with(key)) continue;
        return (std::strtoull(line.c_str() + key.size(), nullptr, 16) >> CAP_NET_ADMIN & 1) != 0;
    }
    return false;
}

std::vector<std::string> watcher_names() {
    std::ifstream in{"/proc/self/net/unix"};
    const std::string table{std::istreambuf_iterator<char>{in}, {}};
    return abstract_names(table, socket_start);
}

}  // namespace

std::string watcher_socket(std::string_view id) {
    return std::string{socket_start} + std::string{id};
}

UniqueFd listen_abstract(std::string_view name) {
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) throw_errno("unix socket");
    const auto where = abstract_address(name);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where.address), where.length) != 0 ||
        ::listen(fd.get(), SOMAXCONN) != 0) {
        throw_errno("socket @" + std::string{name});
    }
    return fd;
}

bool peer_is_trusted(int fd) {
    ucred peer{};
    socklen_t bytes = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid() || has_net_admin(peer.pid);
}

UniqueFd connect_abstract(std::string_view name) {
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd) throw_errno("unix socket");
    const auto where = abstract_address(name);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where.address), where.length) != 0 ||
        !peer_is_trusted(fd.get())) {
        return {};
    }
    return fd;
}

std::vector<std::string> abstract_names(std::string_view table, std::string_view start) {
    std::vector<std::string> names;
    while (!table.empty()) {
        const auto end = std::min(table.find('\n'), table.size());
        const auto name = listening_name(table.substr(0, end));
        if (!name.empty() && name.starts_with(start)) names.emplace_back(name);
        table.remove_prefix(std::min(end + 1, table.size()));
    }
    return names;
}

std::string read_line(int fd, std::chrono::milliseconds patience) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + patience;
    std::string line;
    while (line.size() < line_bytes_max) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
        const int ready =
            left.count() <= 0 ? 0 : ::poll(&readable, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) continue;
        char c = 0;
        if (ready <= 0 || ::read(fd, &c, 1) != 1) return {};
        if (c == '\n') return line;
        line += c;
    }
    return {};
}

void write_line(int fd, std::string_view line) noexcept {
    std::array<char, line_bytes_max> bytes;
    const auto size = std::min(line.size(), bytes.size() - 1);
    std::memcpy(bytes.data(), line.data(), size);
    bytes[size] = '\n';
    // Who does not read gets nothing: a line always fits into the buffer of a socket.
    static_cast<void>(::send(fd, bytes.data(), size + 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

std::optional<Watcher> find_watcher() {
    for (const auto& name : watcher_names()) {
        const UniqueFd fd = connect_abstract(name);
        if (!fd) continue;
        write_line(fd.get(), words::status);
        const auto pending = parse_pending(read_line(fd.get(), status_patience));
        if (pending) return Watcher{name, *pending};
    }
    return std::nullopt;
}

bool has_busy_watcher() {
    return std::ranges::any_of(watcher_names(),
                               [](const auto& name) { return bool{connect_abstract(name)}; });
}

std::string tell(const Watcher& watcher, std::string_view word) {
    const UniqueFd fd = connect_abstract(watcher.socket);
    if (!fd) return {};
    write_line(fd.get(), word);
    return read_line(fd.get(), undo_patience);
}

Dismissal::Dismissal() {
    for (const auto& name : watcher_names()) {
        UniqueFd fd = connect_abstract(name);
        if (!fd) continue;
        write_line(fd.get(), words::end);
        told_.push_back(std::move(fd));
    }
}

void Dismissal::wait() {
    for (const auto& fd : told_) static_cast<void>(read_line(fd.get(), end_patience));
    told_.clear();
}

}  // namespace meshgate::redirect
