#include "dns/forward/server.h"

#include <net/if.h>

#include <algorithm>
#include <utility>

namespace meshgate::dns::forward {
namespace {

// A port is in use for so long and no longer: guesses about it go stale.
constexpr std::uint32_t socket_uses_max = 4096;
constexpr std::chrono::seconds socket_age_max{60};
constexpr std::chrono::seconds connection_idle_max{8};

/// The index of the interface is looked up each time: it may come later than we do, or anew.
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

Server::Server(const UdpSocket::Shared& shared, const conf::SocketAddress& address,
               const Bounds& bounds)
    : shared_(shared), address_(address), bounds_(bounds),
      sockets_(std::max<std::size_t>(bounds.udp_sockets, 1)),
      probe_(shared, health, bounds.first_try) {}

Server::~Server() {
    for (const auto& connection : connections_) connection->close();
}

template <class Endpoint>
Endpoint Server::remote() const {
    return {to_asio(address_), address_.port};
}

/// The clock is read now and then only: a reading costs as much as the rest of this.
bool Server::is_worn(const UdpSocket& socket) noexcept {
    constexpr std::uint32_t uses_a_look = 16;
    if (socket.uses() >= socket_uses_max) return true;
    return socket.uses() % uses_a_look == 0 && Clock::now() - socket.opened() >= socket_age_max;
}

std::shared_ptr<UdpSocket> Server::pick_socket() {
    auto& socket = sockets_[shared_.random.below(sockets_.size())];
    if (socket && !is_worn(*socket)) return socket;
    // Queries in flight hold the worn one until they are done.
    if (auto fresh = UdpSocket::open(shared_, *this, remote<asio::ip::udp::endpoint>())) {
        socket = std::move(fresh);
    }
    if (socket) return socket;
    // Out of descriptors or ports: that is no fault of the server's.
    const auto open = std::find_if(sockets_.begin(), sockets_.end(),
                                   [](const auto& each) { return each != nullptr; });
    return open == sockets_.end() ? nullptr : *open;
}

std::shared_ptr<UdpSocket> Server::send_udp(QueryRef query, std::span<std::uint8_t> message) {
    ++requests_;
    auto socket = pick_socket();
    if (!socket || socket->send(query, message)) return socket;
    // Unreachable, for this socket at least: its source address may be gone.
    std::replace(sockets_.begin(), sockets_.end(), socket, std::shared_ptr<UdpSocket>{});
    return nullptr;
}

void Server::failed(Clock::time_point now, Health::Failure how) noexcept {
    if (how == Health::Failure::no_reply) ++failures_;
    if (health.failed(now, how) == Health::Change::went_down) renew_sockets();
}

/// To a host whose own address or translation (conntrack) changed, every server looks dead: the
/// sockets keep what they were connected with.
void Server::renew_sockets() noexcept {
    std::fill(sockets_.begin(), sockets_.end(), nullptr);
}

void Server::answered_without_edns(Clock::time_point now) noexcept {
    if (++times_plain_ < plain_until_known) return;
    times_plain_ = 0;
    lacks_edns_until_ = now + plain_for;
}

void Server::probe_if_due(Clock::time_point now) {
    if (!health.probe_due(now)) return;
    renew_sockets();
    ++requests_;
    probe_.send(*this, remote<asio::ip::udp::endpoint>());
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
    if (connections_.size() >= std::max<std::size_t>(bounds_.tcp_connections, 1)) return false;
    auto connection =
        std::make_shared<TcpConnection>(shared_.context, shared_.events, shared_.random, *this,
                                        [this](TcpConnection& closed, Pending unanswered) {
                                            on_closed(closed, std::move(unanswered));
                                        });
    if (!connection->connect(remote<asio::ip::tcp::endpoint>())) return false;
    connections_.push_back(std::move(connection));
    return true;
}

bool Server::send_tcp(QueryRef query, std::span<std::uint8_t> message) {
    TcpConnection* connection = usable_connection();
    if (connection == nullptr) {
        if (!open_connection()) return false;
        connection = connections_.back().get();
    }
    ++requests_;
    connection->send(query, message);
    return true;
}

void Server::forget_tcp(QueryRef query) noexcept {
    for (const auto& connection : connections_) connection->forget(query);
}

bool Server::is_on_its_way(QueryRef query) const noexcept {
    return std::any_of(connections_.begin(), connections_.end(), [query](const auto& connection) {
        return connection->is_connected() && connection->has(query);
    });
}

void Server::on_closed(TcpConnection& connection, Pending unanswered) {
    // The last of the queries may be all that holds a server which was replaced.
    const auto self = shared_from_this();
    // A server may close an idle connection at the moment we use it (RFC 7766 section 6.2.4): asked
    // once more, on a new one.
    const bool again = connection.has_answered();
    std::erase_if(connections_, [&](const auto& each) { return each.get() == &connection; });
    while (const auto entry = unanswered.take_any()) {
        const auto message = shared_.events.message_of(entry->query);
        if (message.empty()) continue;
        if (again && send_tcp(entry->query, message)) continue;
        shared_.events.on_exchange_error(*this, entry->query, Transport::tcp);
    }
}

bool Server::tidy(Clock::time_point now) {
    const auto all = connections_;  // a connection that fails leaves the list
    for (const auto& connection : all) {
        if (connection->in_flight() == 0) {
            if (now - connection->last_used() >= connection_idle_max) connection->close();
        } else if (now - connection->waiting_since() >= bounds_.total) {
            connection->fail();
        }
    }
    std::erase_if(connections_, [](const auto& each) { return each->is_closed(); });
    return !connections_.empty();
}

}  // namespace meshgate::dns::forward
