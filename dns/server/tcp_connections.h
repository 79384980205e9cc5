#pragma once

#include "dns/server/tcp_connection.h"
#include "src/common/timer.h"

#include <list>
#include <unordered_map>

namespace meshgate::dns::server {

/// The TCP connections of a worker: bounded in number, closed when idle by one timer for all of
/// them.
class TcpConnections final : public Transport {
public:
    TcpConnections(asio::io_context& context, const Admission& admission, Resolver& resolver,
                   WorkerStats& stats, const WorkerLimits& limits);

    /// Serves an accepted connection. At the limit the one idle longest is closed for it; if none
    /// is idle the new one is closed (counted).
    void adopt(UniqueFd fd, const TcpPeer& peer);

    /// Closes the connection that is idle longest. @return false: none is idle.
    bool close_idle() noexcept;

    /// Reads what is there once more, then only answers; idle connections are closed.
    void drain();

    [[nodiscard]] bool empty() const noexcept { return connections_.empty(); }

    void deliver(const Client& client, std::uint64_t ticket, Source source,
                 std::span<const std::uint8_t> reply) noexcept override;

private:
    using List = std::list<TcpConnection>;
    using Event = void (TcpConnection::*)() noexcept;

    /// Lets the connection handle an event, then arms what it wants or closes it. Does nothing when
    /// it is gone: handlers outlive their connections, and know them by id only.
    void handle(std::uint64_t id, Event event);
    void arm(TcpConnection& connection);
    void wait(TcpConnection& connection, asio::posix::stream_descriptor::wait_type what);
    void close(List::iterator connection) noexcept;
    void arm_idle_timer();
    void close_expired();

    asio::io_context& context_;
    TcpShared shared_;
    List connections_;  ///< least recently active first
    std::unordered_map<std::uint64_t, List::iterator> by_id_;
    std::uint64_t last_id_ = 0;
    Timer idle_timer_;
    bool idle_timer_armed_ = false;
};

}  // namespace meshgate::dns::server
