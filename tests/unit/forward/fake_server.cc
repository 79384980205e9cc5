#include "fake_server.h"

#include <boost/asio/read.hpp>

#include <algorithm>

namespace meshgate::test {
FakeServer::FakeServer(asio::io_context& context, const char* address, std::uint16_t port)
    : udp_(context), tcp_(context) {
    const auto ip = asio::ip::make_address(address);
    // A port that is free for UDP may be in use for TCP.
    for (int tries = 20; !tcp_.is_open(); --tries) {
        udp_ = {context, asio::ip::udp::endpoint{ip, port}};
        try {
            tcp_ = {context, asio::ip::tcp::endpoint{ip, udp_.local_endpoint().port()}};
        } catch (const boost::system::system_error&) {
            if (tries == 0) throw;
        }
    }
    receive();
    accept();
}

conf::SocketAddress FakeServer::at() const {
    const auto local = udp_.local_endpoint();
    return conf::SocketAddress::parse(local.address().to_string(), local.port()).value();
}

void FakeServer::receive() {
    udp_.async_receive_from(asio::buffer(datagram_), peer_,
                            [this](const boost::system::error_code& error, std::size_t bytes) {
                                if (error == asio::error::operation_aborted) return;
                                ++udp_queries;
                                client_ports.push_back(peer_.port());
                                const Bytes query(datagram_.begin(),
                                                  datagram_.begin() +
                                                      static_cast<std::ptrdiff_t>(bytes));
                                if (on_udp) {
                                    on_udp(query, [this, to = peer_](const Bytes& reply) {
                                        udp_.send_to(asio::buffer(reply), to);
                                    });
                                }
                                receive();
                            });
}

void FakeServer::accept() {
    tcp_.async_accept([this](const boost::system::error_code& error, asio::ip::tcp::socket socket) {
        if (error) return;
        ++tcp_accepted;
        socket.set_option(asio::ip::tcp::no_delay{true});
        auto connection = std::make_shared<Connection>(std::move(socket));
        connections_.push_back(connection);
        read_length(connection);
        accept();
    });
}

void FakeServer::read_length(const std::shared_ptr<Connection>& connection) {
    asio::async_read(connection->socket, asio::buffer(connection->length),
                     [this, connection](const boost::system::error_code& error, std::size_t) {
                         if (error) return;
                         connection->message.resize(connection->length[0] * 256U +
                                                    connection->length[1]);
                         read_message(connection);
                     });
}

void FakeServer::read_message(const std::shared_ptr<Connection>& connection) {
    asio::async_read(connection->socket, asio::buffer(connection->message),
                     [this, connection](const boost::system::error_code& error, std::size_t) {
                         if (error) return;
                         ++tcp_queries;
                         if (!on_tcp) return;  // the last owner lets go: closed
                         on_tcp(connection->message, [this, connection](const Bytes& reply) {
                             Bytes framed{static_cast<std::uint8_t>(reply.size() >> 8U),
                                          static_cast<std::uint8_t>(reply.size())};
                             framed.insert(framed.end(), reply.begin(), reply.end());
                             write(*connection, framed);
                         });
                         read_length(connection);
                     });
}

void FakeServer::write(Connection& connection, const Bytes& framed) {
    boost::system::error_code error;
    for (std::size_t at = 0; at < framed.size() && !error; at += tcp_piece_bytes) {
        const std::size_t bytes = std::min(tcp_piece_bytes, framed.size() - at);
        asio::write(connection.socket, asio::buffer(framed.data() + at, bytes), error);
    }
}

void FakeServer::close_connections() {
    for (const auto& weak : connections_) {
        boost::system::error_code ignored;
        if (const auto connection = weak.lock()) connection->socket.close(ignored);
    }
    connections_.clear();
}

void FakeServer::drop_tcp() {
    // A queue of accepted connections that is full makes the kernel drop what comes.
    tcp_.cancel();
    tcp_.listen(0);
    const auto at = tcp_.local_endpoint();
    for (int i = 0; i < 2; ++i) {
        auto& socket = backlog_.emplace_back(tcp_.get_executor(), at.protocol());
        socket.non_blocking(true);
        // Asio would wait for the outcome.
        static_cast<void>(
            ::connect(socket.native_handle(), at.data(), static_cast<socklen_t>(at.size())));
    }
}

}  // namespace meshgate::test
