#pragma once

#include "dns/forward/exchange.h"
#include "dns/forward/random.h"
#include "dns/forward/receive_batch.h"
#include "src/common/asio.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace meshgate::dns::forward {

/// A UDP socket at a random port, connected to one server: the kernel keeps everybody else out and
/// reports a closed port at once. Several queries share it, each with an id of its own.
class UdpSocket : public std::enable_shared_from_this<UdpSocket> {
public:
    /// What all sockets of a forwarder use.
    struct Shared {
        asio::io_context& context;
        ExchangeEvents& events;
        Random& random;
        ReceiveBatch& batch;
    };

    /// @return null when the system has no socket, port or route for it.
    static std::shared_ptr<UdpSocket> open(const Shared& shared, Server& server,
                                           const asio::ip::udp::endpoint& remote);

    /// Sends the query with a fresh random id. @return false at once when it cannot be sent.
    bool send(QueryRef query, std::span<std::uint8_t> message) noexcept;

    /// The query is over: a reply to it is ignored from now on.
    void forget(QueryRef query) noexcept;

    [[nodiscard]] std::size_t in_flight() const noexcept { return pending_.size(); }
    [[nodiscard]] std::uint32_t uses() const noexcept { return uses_; }
    [[nodiscard]] std::chrono::steady_clock::time_point opened() const noexcept { return opened_; }

private:
    struct Pending {
        std::uint16_t id;
        QueryRef query;
        std::uint64_t fingerprint;  ///< in own_queries
    };

    UdpSocket(const Shared& shared, Server& server, int fd, std::uint16_t port);

    void wait();
    void read();
    bool read_batch();
    void on_datagram(std::span<std::uint8_t> datagram);
    void on_error();
    [[nodiscard]] std::uint16_t unused_id() noexcept;
    void drop(std::size_t index) noexcept;

    Shared shared_;
    Server& server_;
    asio::posix::stream_descriptor descriptor_;
    std::uint16_t port_;
    std::uint32_t uses_ = 0;
    std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
    std::vector<Pending> pending_;
};

}  // namespace meshgate::dns::forward
