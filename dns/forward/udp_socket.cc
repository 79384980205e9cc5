#include "dns/forward/udp_socket.h"

#include "dns/forward/own_queries.h"
#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/reply.h"
#include "src/common/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace meshgate::dns::forward {
namespace {

constexpr int receive_buffer_bytes = 1 << 20;  // a burst of replies while the worker is busy
constexpr int batches_a_turn = 8;              // then the other sockets of the worker have theirs

UniqueFd connected_socket(const asio::ip::udp::endpoint& remote) {
    UniqueFd fd{::socket(remote.protocol().family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) return fd;
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                                   sizeof receive_buffer_bytes));
    // Connecting binds to a port that the kernel picks at random from ip_local_port_range.
    const auto length = static_cast<socklen_t>(remote.size());
    if (::connect(fd.get(), remote.data(), length) != 0) fd.reset();
    return fd;
}

std::uint16_t local_port(int fd) {
    asio::ip::udp::endpoint local;
    auto length = static_cast<socklen_t>(local.capacity());
    if (::getsockname(fd, local.data(), &length) != 0) return 0;
    local.resize(length);
    return local.port();
}

}  // namespace

std::shared_ptr<UdpSocket> UdpSocket::open(const Shared& shared, Server& server,
                                           const asio::ip::udp::endpoint& remote) {
    UniqueFd fd = connected_socket(remote);
    if (!fd) return nullptr;
    const std::uint16_t port = local_port(fd.get());
    std::shared_ptr<UdpSocket> socket{new UdpSocket(shared, server, fd.release(), port)};
    socket->wait();
    return socket;
}

UdpSocket::UdpSocket(const Shared& shared, Server& server, int fd, std::uint16_t port)
    : shared_(shared), server_(server), descriptor_(shared.context, fd), port_(port) {}

std::uint16_t UdpSocket::unused_id() noexcept {
    for (;;) {
        const std::uint16_t id = shared_.random.next16();
        const auto taken = [id](const Pending& pending) { return pending.id == id; };
        if (std::none_of(pending_.begin(), pending_.end(), taken)) return id;
    }
}

bool UdpSocket::send(QueryRef query, std::span<std::uint8_t> message) noexcept {
    const std::uint16_t id = unused_id();
    wire::write16(message, 0, id);
    const std::size_t question_end = wire::skip_name(message, wire::header_bytes) + 4;
    const Pending pending{id, query, own_queries::fingerprint(message, question_end, port_)};
    // Before it leaves: over loopback it may be back before send returns.
    own_queries::add(pending.fingerprint);
    const auto sent = ::send(descriptor_.native_handle(), message.data(), message.size(),
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(message.size())) {
        own_queries::remove(pending.fingerprint);
        return false;
    }
    pending_.push_back(pending);
    ++uses_;
    return true;
}

void UdpSocket::forget(QueryRef query) noexcept {
    for (std::size_t i = pending_.size(); i-- > 0;) {
        if (pending_[i].query == query) drop(i);
    }
}

void UdpSocket::drop(std::size_t index) noexcept {
    own_queries::remove(pending_[index].fingerprint);
    pending_[index] = pending_.back();
    pending_.pop_back();
}

void UdpSocket::wait() {
    // Weak: a handler that is already queued may run after the socket is gone.
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& error) {
                               const auto self = weak.lock();
                               if (!self || error) return;
                               self->read();
                               self->wait();
                           });
}

void UdpSocket::read() {
    for (int i = 0; i < batches_a_turn; ++i) {
        if (!read_batch()) return;
    }
}

/// @return true when there may be more.
bool UdpSocket::read_batch() {
    const int count = shared_.batch.receive(descriptor_.native_handle());
    if (count < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        if (errno != EINTR) on_error();
        return true;
    }
    for (int i = 0; i < count; ++i) {
        on_datagram(shared_.batch.datagram(static_cast<std::size_t>(i)));
    }
    return static_cast<std::size_t>(count) == ReceiveBatch::datagrams;
}

void UdpSocket::on_datagram(std::span<std::uint8_t> datagram) {
    if (datagram.size() < wire::header_bytes) return shared_.events.on_ignored_reply();
    const std::uint16_t id = wire::read16(datagram, 0);
    const auto found = std::find_if(pending_.begin(), pending_.end(),
                                    [id](const Pending& pending) { return pending.id == id; });
    if (found == pending_.end()) return shared_.events.on_ignored_reply();
    const QueryRef query = found->query;
    const auto message = shared_.events.message_of(query);
    if (message.empty()) return drop(static_cast<std::size_t>(found - pending_.begin()));
    wire::write16(message, 0, id);  // another attempt may have put its own there
    if (!wire::matches(datagram, message)) return shared_.events.on_ignored_reply();
    drop(static_cast<std::size_t>(found - pending_.begin()));
    shared_.events.on_exchange_reply(server_, query, Transport::udp, datagram);
}

/// ICMP said that nobody is there: it says so of the server, not of one query.
void UdpSocket::on_error() {
    while (!pending_.empty()) {
        const QueryRef query = pending_.back().query;
        drop(pending_.size() - 1);
        shared_.events.on_exchange_error(server_, query, Transport::udp);
    }
}

}  // namespace meshgate::dns::forward
