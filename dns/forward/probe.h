#pragma once

#include "dns/forward/health.h"
#include "dns/forward/udp_socket.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

namespace meshgate::dns::forward {

/// Asks a server that is down for the name servers of the root, which any server answers at once,
/// if only by refusing. Not a client's query: that is over, and its late reply of no use, as soon
/// as another server has answered it.
class Probe final : ExchangeEvents {
public:
    Probe(const UdpSocket::Shared& shared, Health& health, std::chrono::milliseconds patience);

    /// On a socket of its own, once; the probe before this one is given up.
    void send(Server& server, const asio::ip::udp::endpoint& remote);

private:
    std::span<std::uint8_t> message_of(QueryRef query) noexcept override;
    void on_exchange_reply(Server& server, QueryRef query, Transport transport,
                           std::span<std::uint8_t> reply) noexcept override;
    void on_exchange_error(Server& server, QueryRef query, Transport transport) noexcept override;
    void on_ignored_reply() noexcept override { shared_.events.on_ignored_reply(); }

    UdpSocket::Shared shared_;
    Health& health_;
    std::chrono::milliseconds patience_;  ///< a server that takes longer is not worth asking
    Clock::time_point sent_;
    std::array<std::uint8_t, 17> message_{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
    std::shared_ptr<UdpSocket> socket_;
};

}  // namespace meshgate::dns::forward
