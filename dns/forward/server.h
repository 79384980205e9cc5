#pragma once

#include "conf/address.h"
#include "dns/forward/exchange.h"
#include "dns/forward/health.h"
#include "dns/forward/probe.h"
#include "dns/forward/tcp_connection.h"
#include "dns/forward/udp_socket.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace meshgate::dns::forward {

/// One upstream server: its sockets, its connections, its health.
class Server : public std::enable_shared_from_this<Server> {
public:
    struct Bounds {
        std::size_t udp_sockets;      ///< at most, for this server
        std::size_t tcp_connections;  ///< at most, for this server
        std::chrono::milliseconds first_try;
        std::chrono::milliseconds total;  ///< no query waits longer
    };

    Server(const UdpSocket::Shared& shared, const conf::SocketAddress& address,
           const Bounds& bounds);
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
    /// Whether the query is on a connection that is made, so that a reply is likely.
    [[nodiscard]] bool is_on_its_way(QueryRef query) const noexcept;

    /// An attempt came to nothing.
    void failed(Clock::time_point now, Health::Failure how = Health::Failure::no_reply) noexcept;
    /// A connection came to nothing. That alone does not make it a server that is down: where TCP is
    /// closed on the way it still answers over UDP, and who was cut off together would be enough.
    void failed_over_tcp() noexcept { ++failures_; }
    /// Whether the time to the next reply is to be measured: of the first ones, and of some.
    [[nodiscard]] bool wants_time() noexcept { return ++replies_ <= 8 || replies_ % 4 == 0; }
    /// Asks a server that is down, now and then, whether it is back.
    void probe_if_due(Clock::time_point now);

    /// Closes connections without use for a while, and those that nothing comes from any more.
    /// @return true while something is open.
    bool tidy(Clock::time_point now);

    [[nodiscard]] const conf::SocketAddress& address() const noexcept { return address_; }
    [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }

    /// It answered without the letters as they were sent. After some times it is believed.
    void folded_case() noexcept { ++times_folded_; }
    [[nodiscard]] bool folds_case() const noexcept { return times_folded_ >= folded_until_known; }

    /// It refused a query and answered it without EDNS. After some times that is what it gets, for
    /// a while: it may be another program tomorrow.
    void answered_without_edns(Clock::time_point now) noexcept;
    [[nodiscard]] bool lacks_edns() const noexcept {
        return lacks_edns_until_ != Clock::time_point{} && Clock::now() < lacks_edns_until_;
    }

    Health health;

private:
    static constexpr unsigned folded_until_known = 3;
    static constexpr unsigned plain_until_known = 3;
    static constexpr std::chrono::minutes plain_for{15};

    template <class Endpoint>
    [[nodiscard]] Endpoint remote() const;
    [[nodiscard]] static bool is_worn(const UdpSocket& socket) noexcept;
    [[nodiscard]] std::shared_ptr<UdpSocket> pick_socket();
    void renew_sockets() noexcept;
    [[nodiscard]] TcpConnection* usable_connection() const noexcept;
    bool open_connection();
    void on_closed(TcpConnection& connection, Pending unanswered);

    UdpSocket::Shared shared_;
    conf::SocketAddress address_;
    Bounds bounds_;
    std::uint64_t requests_ = 0;
    std::uint64_t failures_ = 0;
    std::uint64_t replies_ = 0;  ///< that could be measured
    unsigned times_folded_ = 0;
    unsigned times_plain_ = 0;  ///< since it was last believed
    Clock::time_point lacks_edns_until_{};
    std::vector<std::shared_ptr<UdpSocket>> sockets_;  ///< udp_sockets of them; null: not open
    std::vector<std::shared_ptr<TcpConnection>> connections_;
    Probe probe_;
};

}  // namespace meshgate::dns::forward
