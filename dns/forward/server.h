#pragma once

#include "conf/address.h"
#include "dns/forward/exchange.h"
#include "dns/forward/tcp_connection.h"
#include "dns/forward/udp_socket.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace meshgate::dns::forward {

using Clock = std::chrono::steady_clock;

/// Whether a server is worth asking, learnt from its replies and silences.
class Health {
public:
    void replied() noexcept;
    void failed(Clock::time_point now) noexcept;  ///< no reply in time, refused, unreachable

    [[nodiscard]] bool up() const noexcept { return up_; }
    /// True once in a while for a server that is down: the next query goes to it as well.
    [[nodiscard]] bool probe_due(Clock::time_point now) noexcept;

private:
    bool up_ = true;
    unsigned failures_ = 0;  ///< in a row
    std::chrono::seconds pause_{1};
    Clock::time_point probe_at_;
};

/// One upstream server: its sockets, its connections, its health.
class Server {
public:
    struct Pools {
        std::size_t udp_sockets;      ///< at most, for this server
        std::size_t tcp_connections;  ///< at most, for this server
    };

    Server(const UdpSocket::Shared& shared, const conf::SocketAddress& address, const Pools& pools);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Sends over UDP through a socket picked at random. @return the socket, null when it cannot be
    /// sent.
    std::shared_ptr<UdpSocket> send_udp(QueryRef query, std::span<std::uint8_t> message);

    /// Sends over TCP, on a connection that is there or a new one. @return false when there is no
    /// room.
    bool send_tcp(QueryRef query, std::span<std::uint8_t> message);
    void forget_tcp(QueryRef query) noexcept;

    /// Closes connections without use for a while. @return true while something is open.
    bool tidy(Clock::time_point now);

    [[nodiscard]] const conf::SocketAddress& address() const noexcept { return address_; }

    Health health;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;

private:
    [[nodiscard]] TcpConnection* usable_connection() const noexcept;
    bool open_connection();
    void on_closed(TcpConnection& connection, const std::vector<QueryRef>& unanswered);

    UdpSocket::Shared shared_;
    conf::SocketAddress address_;
    asio::ip::address ip_;
    Pools pools_;
    std::vector<std::shared_ptr<UdpSocket>>
        sockets_;  ///< grows to pools_.udp_sockets; null: not open
    std::vector<std::shared_ptr<TcpConnection>> connections_;
};

}  // namespace meshgate::dns::forward
