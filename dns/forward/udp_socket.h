#pragma once

#include "dns/forward/exchange.h"
#include "dns/forward/pending.h"
#include "dns/forward/random.h"
#include "dns/forward/ready_set.h"
#include "dns/forward/receive_batch.h"
#include "src/common/asio.h"
#include "src/common/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

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
        ReadySet& ready;
    };

    /// @return null when the system has no socket, port or route for it.
    static std::shared_ptr<UdpSocket> open(const Shared& shared, Server& server,
                                           const asio::ip::udp::endpoint& remote);
    ~UdpSocket();
    UdpSocket(const UdpSocket&) = delete;
    UdpSocket& operator=(const UdpSocket&) = delete;

    /// Sends the query with a fresh random id. @return false at once when it cannot be sent.
    bool send(QueryRef query, std::span<std::uint8_t> message);

    /// Reads what is there (a bounded part of it), without waiting.
    void read();

    /// The query is over: a reply to it is ignored from now on.
    void forget(QueryRef query) noexcept;

    [[nodiscard]] std::uint32_t uses() const noexcept { return uses_; }
    [[nodiscard]] std::chrono::steady_clock::time_point opened() const noexcept { return opened_; }

private:
    UdpSocket(const Shared& shared, Server& server, UniqueFd fd);

    bool read_batch();
    void on_datagram(std::span<std::uint8_t> datagram);
    void on_error();
    void on_error_later();

    Shared shared_;
    Server& server_;  ///< alive as long as a query is pending here
    UniqueFd fd_;
    std::uint16_t port_ = 0;
    std::uint32_t uses_ = 0;
    std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
    Pending pending_;
};

}  // namespace meshgate::dns::forward
