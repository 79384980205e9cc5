#include "dns/forward/udp_socket.h"

#include "dns/forward/own_queries.h"
#include "dns/forward/server.h"
#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/question.h"
#include "src/common/datagrams.h"

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
    std::shared_ptr<UdpSocket> socket{new UdpSocket(shared, server, std::move(fd))};
    if (!shared.ready.add(socket->fd_.get(), socket)) return nullptr;
    return socket;
}

UdpSocket::UdpSocket(const Shared& shared, Server& server, UniqueFd fd)
    : shared_(shared), server_(server), fd_(std::move(fd)), port_(local_port(fd_.get())) {}

UdpSocket::~UdpSocket() {
    while (const auto entry = pending_.take_any()) own_queries::remove(entry->fingerprint);
}

bool UdpSocket::send(QueryRef query, std::span<std::uint8_t> message) {
    const std::uint16_t id = pending_.unused_id(shared_.random);
    wire::write16(message, 0, id);
    const std::size_t question_end = wire::skip_name(message, wire::header_bytes) + 4;
    const auto fingerprint = own_queries::fingerprint(message, question_end, port_);
    const auto transmit = [&] {
        return datagrams::send(fd_.get(), message.data(), message.size(),
                               MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    };
    // Before it leaves: over loopback it may be back before send returns.
    own_queries::add(fingerprint);
    bool sent = transmit();
    if (!sent && errno == ECONNREFUSED) {
        // That was the answer to an earlier datagram, which nobody else will hear of now.
        on_error_later();
        sent = transmit();
    }
    // No room in the kernel's buffers: lost, as it may be anywhere on the way.
    sent = sent || errno == EAGAIN || errno == ENOBUFS;
    if (!sent) {
        own_queries::remove(fingerprint);
        return false;
    }
    pending_.add({id, query, fingerprint});
    ++uses_;
    return true;
}

void UdpSocket::forget(QueryRef query) noexcept {
    while (const auto entry = pending_.take_query(query)) own_queries::remove(entry->fingerprint);
}

void UdpSocket::read() {
    for (int i = 0; i < batches_a_turn; ++i) {
        if (!read_batch()) return;
    }
}

/// @return true when there may be more.
bool UdpSocket::read_batch() {
    const int count = shared_.batch.receive(fd_.get());
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
    const auto letters = server_.folds_case() ? wire::Letters::any_case : wire::Letters::as_sent;
    const auto entry = pending_.take(datagram, shared_.events, letters);
    if (!entry) {
        const auto query = pending_.query_of(datagram, shared_.events);
        if (query) shared_.events.on_other_case(server_, *query);
        return shared_.events.on_ignored_reply();
    }
    own_queries::remove(entry->fingerprint);
    shared_.events.on_exchange_reply(server_, entry->query, Transport::udp, datagram);
}

/// ICMP said that nobody is there: it says so of the server, not of one query.
void UdpSocket::on_error() {
    // Only those of now: an event may send the next query through this very socket.
    Pending refused = std::exchange(pending_, {});
    while (const auto entry = refused.take_any()) {
        own_queries::remove(entry->fingerprint);
        shared_.events.on_exchange_error(server_, entry->query, Transport::udp);
    }
}

/// For send(): the caller's caller must not be called back before it has returned.
void UdpSocket::on_error_later() {
    if (pending_.empty()) return;
    asio::post(shared_.context, [weak = weak_from_this(), refused = pending_]() mutable {
        // A query that still waits holds the socket.
        const auto self = weak.lock();
        if (!self) return;
        while (const auto entry = refused.take_any()) {
            if (!self->pending_.take_same(*entry)) continue;
            own_queries::remove(entry->fingerprint);
            self->shared_.events.on_exchange_error(self->server_, entry->query, Transport::udp);
        }
    });
}

}  // namespace meshgate::dns::forward
