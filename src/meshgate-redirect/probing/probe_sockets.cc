#include "src/meshgate-redirect/probing/probe_sockets.h"

#include "src/common/errors.h"

#include <netinet/in.h>
#include <sys/fsuid.h>

#include <cerrno>
#include <string>

namespace meshgate::redirect {
namespace {

/// Of the calling thread, until the end of the block.
class FileUser {
public:
    FileUser(conf::Uid user, conf::Gid group)
        : group_(static_cast<gid_t>(::setfsgid(group))), user_(static_cast<uid_t>(::setfsuid(user))) {
        // It has no other way to say that it did not work.
        if (static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) != user) {
            put_back();
            throw_errno("a socket of user " + std::to_string(user), EPERM);
        }
    }
    FileUser(const FileUser&) = delete;
    FileUser& operator=(const FileUser&) = delete;
    ~FileUser() { put_back(); }

private:
    void put_back() const noexcept {
        ::setfsuid(user_);
        ::setfsgid(group_);
    }
    gid_t group_;
    uid_t user_;
};

void set_option(const UniqueFd& socket, int level, int name, int value) {
    static_cast<void>(::setsockopt(socket.get(), level, name, &value, sizeof value));
}

}  // namespace

UniqueFd socket_of(conf::Uid user, conf::Family family, conf::Protocol protocol,
                   std::optional<conf::Gid> group) {
    const FileUser as{user, group.value_or(user)};
    const bool tcp = protocol == conf::Protocol::tcp;
    const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    UniqueFd socket{::socket(to_af(family), type, 0)};
    if (!socket) throw_errno("socket");
    if (family == conf::Family::ipv6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (tcp) {
        // Not of UDP: two who allow it share a port, and each would have some of the questions.
        set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        static_cast<void>(
            ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    }
    return socket;
}

int listen_at(const UniqueFd& socket, KernelAddress at, conf::Protocol protocol) {
    constexpr int backlog = 64;
    if (::bind(socket.get(), at.raw(), at.bytes) != 0) return errno;
    if (protocol == conf::Protocol::tcp && ::listen(socket.get(), backlog) != 0) return errno;
    return 0;
}

KernelAddress local_address(const UniqueFd& socket) {
    KernelAddress at;
    if (::getsockname(socket.get(), at.raw(), &at.bytes) != 0) throw_errno("getsockname");
    return at;
}

}  // namespace meshgate::redirect
