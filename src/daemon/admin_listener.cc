#include "src/daemon/admin_listener.h"

#include "src/common/errors.h"
#include "src/daemon/sockaddr.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace meshgate::daemon {
namespace {

constexpr int backlog = SOMAXCONN;

/// The mode of files made while it lives: single-threaded start-up only.
class Umask {
public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    ~Umask() { ::umask(before_); }
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;

private:
    mode_t before_;
};

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const std::string text = path;
    if (text.size() >= sizeof where.sun_path) throw_errno("admin unix:" + text, ENAMETOOLONG);
    std::memcpy(where.sun_path, text.data(), text.size());
    return where;
}

/// Removes a socket that nobody listens on.
void remove_stale(const std::string& path, const sockaddr_un& where, std::string_view program) {
    struct stat what {};
    if (::lstat(path.c_str(), &what) != 0) return;
    const std::string name = "admin unix:" + path;
    if (!S_ISSOCK(what.st_mode)) throw InUse(name + ": there is a file that is no socket");
    const UniqueFd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!probe) throw_errno(name);
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ||
        errno == EAGAIN) {
        throw InUse(name + ": another instance of " + std::string{program} + " is running");
    }
    if (errno != ECONNREFUSED) throw_errno(name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno(name);
}

}  // namespace

UniqueFd bind_unix(const std::string& path, std::string_view program) {
    const std::string name = "admin unix:" + path;
    const sockaddr_un where = unix_address(path);
    remove_stale(path, where, program);
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) throw_errno(name);
    const Umask mask{0117};
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
        throw_errno(name);
    }
    if (::listen(fd.get(), backlog) != 0) throw_errno(name);
    return fd;
}

AdminAddress parse_admin_address(std::string_view text) {
    constexpr std::string_view scheme = "unix:";
    if (text.starts_with(scheme)) return std::string{text.substr(scheme.size())};
    if (const auto address = conf::SocketAddress::parse(text, 0)) return *address;
    throw std::runtime_error("admin: '" + std::string{text} +
                             "' is neither unix:PATH nor ADDRESS:PORT");
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
    struct stat what {};
    if (::lstat(path_.c_str(), &what) != 0) throw_errno(path_);
    device_ = what.st_dev;
    inode_ = what.st_ino;
    changed_ = what.st_ctim;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_),
      changed_(other.changed_) {}

SocketFile::~SocketFile() {
    if (path_.empty()) return;
    struct stat what {};
    if (::lstat(path_.c_str(), &what) != 0) return;
    // Another server may have replaced it while we were dying.
    if (what.st_dev == device_ && what.st_ino == inode_ && what.st_ctim.tv_sec == changed_.tv_sec &&
        what.st_ctim.tv_nsec == changed_.tv_nsec) {
        ::unlink(path_.c_str());
    }
}

UniqueFd listen_tcp(std::string_view what, const conf::SocketAddress& address) {
    const std::string name = std::string{what} + " " + address.to_string();
    const KernelAddress where = to_kernel(address);
    UniqueFd fd{::socket(where.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) throw_errno(name);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.get()->sa_family == AF_INET6) {
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (::bind(fd.get(), where.get(), where.length) != 0) throw_errno(name);
    if (::listen(fd.get(), backlog) != 0) throw_errno(name);
    return fd;
}

}  // namespace meshgate::daemon
