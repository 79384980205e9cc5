#pragma once

#include "conf/address.h"
#include "src/common/asio.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace meshgate::test {

using Bytes = std::vector<std::uint8_t>;

/// An upstream on loopback, UDP and TCP at one port, that does what the test tells it.
class FakeServer {
public:
    /// Sends one datagram, or one message on the connection, back to who asked.
    using Reply = std::function<void(const Bytes&)>;
    using OnQuery = std::function<void(const Bytes& query, const Reply& reply)>;

    /// @param port  0: any that is free
    explicit FakeServer(asio::io_context& context, const char* address = "127.0.0.1",
                        std::uint16_t port = 0);

    [[nodiscard]] conf::SocketAddress at() const;
    void close_connections();
    /// From now on connections over TCP are neither made nor refused, as behind a filter.
    void drop_tcp();
    OnQuery on_udp;  ///< unset: silence
    OnQuery on_tcp;  ///< unset: the connection is closed at the first query
    /// TCP replies are written in pieces of so many bytes, each in a segment of its own.
    std::size_t tcp_piece_bytes = 0x10000;
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

    void write(Connection& connection, const Bytes& framed);

    asio::ip::udp::socket udp_;
    asio::ip::tcp::acceptor tcp_;
    std::vector<std::weak_ptr<Connection>> connections_;
    std::vector<asio::ip::tcp::socket> backlog_;
    asio::ip::udp::endpoint peer_;
    Bytes datagram_ = Bytes(65536);
};

}  // namespace meshgate::test
