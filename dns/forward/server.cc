#include "dns/forward/server.h"

#include <net/if.h>

#include <algorithm>

namespace meshgate::dns::forward {
namespace {

constexpr unsigned failures_until_down = 3;
constexpr std::chrono::seconds pause_max{30};
// A port is in use for so long and no longer: guesses about it go stale.
constexpr std::uint32_t socket_uses_max = 4096;
constexpr std::chrono::seconds socket_age_max{60};
constexpr std::chrono::seconds connection_idle_max{8};

asio::ip::address to_asio(const conf::SocketAddress& from) {
    const auto bytes = from.address.bytes();
    if (from.address.family() == conf::Family::ipv4) {
        asio::ip::address_v4::bytes_type v4;
        std::copy(bytes.begin(), bytes.end(), v4.begin());
        return asio::ip::address_v4{v4};
    }
    asio::ip::address_v6::bytes_type v6;
    std::copy(bytes.begin(), bytes.end(), v6.begin());
    const unsigned scope = from.scope.empty() ? 0 : ::if_nametoindex(from.scope.c_str());
    return asio::ip::address_v6{v6, scope};
}

}  // namespace

void Health::replied() noexcept {
    up_ = true;
    failures_ = 0;
    pause_ = std::chrono::seconds{1};
}

void Health::failed(Clock::time_point now) noexcept {
    if (++failures_ < failures_until_down || !up_) return;
    up_ = false;
    probe_at_ = now + pause_;
}

bool Health::probe_due(Clock::time_point now) noexcept {
    if (up_ || now < probe_at_) return false;
    pause_ = std::min(pause_ * 2, pause_max);
    probe_at_ = now + pause_;
    return true;
}

Server::Server(const UdpSocket::Shared& shared, const conf::SocketAddress& address,
               const Pools& pools)
    : shared_(shared), address_(address), ip_(to_asio(address)), pools_(pools),
      sockets_(std::max<std::size_t>(pools.udp_sockets, 1)) {}

Server::~Server() {
    for (const auto& connection : connections_) connection->close();
}

std::shared_ptr<UdpSocket> Server::send_udp(QueryRef query, std::span<std::uint8_t> message) {
    auto& socket = sockets_[shared_.random.below(sockets_.size())];
    const bool worn = socket && (socket->uses() >= socket_uses_max ||
                                 Clock::now() - socket->opened() >= socket_age_max);
    // Queries in flight hold their socket until they are done.
    if (worn) socket.reset();
    if (!socket) socket = UdpSocket::open(shared_, *this, {ip_, address_.port});
    ++requests;
    if (socket && socket->send(query, message)) return socket;
    socket.reset();
    return nullptr;
}

TcpConnection* Server::usable_connection() const noexcept {
    TcpConnection* best = nullptr;
    for (const auto& connection : connections_) {
        if (connection->is_closed() || connection->in_flight() >= TcpConnection::queries_max)
            continue;
        if (best == nullptr || connection->in_flight() < best->in_flight()) best = connection.get();
    }
    return best;
}

bool Server::open_connection() {
    if (connections_.size() >= std::max<std::size_t>(pools_.tcp_connections, 1)) return false;
    auto connection = std::make_shared<TcpConnection>(
        shared_.context, shared_.events, shared_.random, *this,
        [this](TcpConnection& closed, const std::vector<QueryRef>& unanswered) {
            on_closed(closed, unanswered);
        });
    connection->connect({ip_, address_.port});
    connections_.push_back(std::move(connection));
    return true;
}

bool Server::send_tcp(QueryRef query, std::span<std::uint8_t> message) {
    TcpConnection* connection = usable_connection();
    if (connection == nullptr) {
        if (!open_connection()) return false;
        connection = connections_.back().get();
    }
    ++requests;
    connection->send(query, message);
    return true;
}

void Server::forget_tcp(QueryRef query) noexcept {
    for (const auto& connection : connections_) connection->forget(query);
}

void Server::on_closed(TcpConnection& connection, const std::vector<QueryRef>& unanswered) {
    // A server may close an idle connection at the moment we use it (RFC 7766 section 6.2.4): asked
    // once more, on a new one.
    const bool again = connection.has_answered();
    std::erase_if(connections_, [&](const auto& each) { return each.get() == &connection; });
    for (const QueryRef query : unanswered) {
        const auto message = shared_.events.message_of(query);
        if (message.empty()) continue;
        if (again && send_tcp(query, message)) continue;
        shared_.events.on_exchange_error(*this, query, Transport::tcp);
    }
}

bool Server::tidy(Clock::time_point now) {
    std::erase_if(connections_, [now](const auto& connection) {
        const bool idle = now - connection->last_used() >= connection_idle_max;
        if (idle && connection->in_flight() == 0) connection->close();
        return connection->is_closed();
    });
    return !connections_.empty();
}

}  // namespace meshgate::dns::forward
