#pragma once

#include "conf/address.h"
#include "src/common/asio.h"

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

namespace meshgate::test {

using Bytes = std::vector<std::uint8_t>;

/// An upstream on 127.0.0.1, UDP and TCP at one port, that does what the test tells it.
class FakeServer {
public:
    /// Sends one datagram, or one message on the connection, back to who asked.
    using Reply = std::function<void(const Bytes&)>;
    using OnQuery = std::function<void(const Bytes& query, const Reply& reply)>;

    explicit FakeServer(asio::io_context& context);

    [[nodiscard]] conf::SocketAddress at() const;
    OnQuery on_udp;  ///< unset: silence
    OnQuery on_tcp;  ///< unset: the connection is closed at the first query
    std::size_t udp_queries = 0;
    std::size_t tcp_queries = 0;
    std::size_t tcp_accepted = 0;
    std::vector<std::uint16_t> client_ports;  ///< of each datagram

private:
    struct Connection {
        explicit Connection(asio::ip::tcp::socket s) : socket(std::move(s)) {}
        asio::ip::tcp::socket socket;
        std::array<std::uint8_t, 2> length{};
        Bytes message;
    };

    void receive();
    void accept();
    void read_length(const std::shared_ptr<Connection>& connection);
    void read_message(const std::shared_ptr<Connection>& connection);

    asio::ip::udp::socket udp_;
    asio::ip::tcp::acceptor tcp_;
    asio::ip::udp::endpoint peer_;
    Bytes datagram_ = Bytes(65536);
};

}  // namespace meshgate::test
