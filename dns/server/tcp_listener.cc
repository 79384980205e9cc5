#include "dns/server/tcp_listener.h"

#include "dns/server/udp_path.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>

namespace meshgate::dns::server {

namespace {

constexpr int accepts_max = 64;  ///< in a row, before others get their turn

/// After a failure for want of descriptors or memory: the listener stays readable, so waiting for
/// it would spin.
constexpr std::chrono::milliseconds pause_time{50};

bool somebody_waits(int listener) noexcept {
    pollfd what{listener, POLLIN, 0};
    return ::poll(&what, 1, 0) > 0;
}

}  // namespace

TcpListener::TcpListener(asio::io_context& context, UniqueFd fd, TcpConnections& connections)
    : socket_(context), pause_(context), facts_(socket_facts(fd.get())), connections_(connections) {
    socket_.assign(fd.get());
    static_cast<void>(fd.release());
}

void TcpListener::start() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                           if (error || !socket_.is_open()) return;
                           if (accept_some() == After::pause)
                               pause();
                           else
                               start();
                       });
}

void TcpListener::close() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
    pause_.cancel();
}

TcpListener::After TcpListener::accept_some() {
    for (int i = 0; i < accepts_max; ++i) {
        TcpPeer peer;
        socklen_t bytes = sizeof peer.address;
        UniqueFd fd{::accept4(socket_.native_handle(), &peer.address.generic, &bytes,
                              SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (fd) {
            peer.here = facts_.loopback || is_loopback(peer.address);
            connections_.adopt(std::move(fd), peer);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return After::wait;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            // The kernel looks for a descriptor first, and says so too when nobody waits.
            if (!somebody_waits(socket_.native_handle())) return After::wait;
            if (!connections_.close_idle()) return After::pause;
            break;  // its descriptor is free for the one that waits
        default:
            break;  // that connection's own error, accept(2); the next may do
        }
    }
    return After::wait;
}

void TcpListener::pause() {
    pause_.wait_for(pause_time, [this] { start(); });
}

}  // namespace meshgate::dns::server
