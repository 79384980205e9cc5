#include "fake_server.h"

#include <boost/asio/read.hpp>

namespace meshgate::test {
namespace {

asio::ip::udp::endpoint any_port() {
    return {asio::ip::make_address("127.0.0.1"), 0};
}

}  // namespace

FakeServer::FakeServer(asio::io_context& context)
    : udp_(context, any_port()),
      tcp_(context, {udp_.local_endpoint().address(), udp_.local_endpoint().port()}) {
    receive();
    accept();
}

conf::SocketAddress FakeServer::at() const {
    return conf::SocketAddress::parse("127.0.0.1", udp_.local_endpoint().port()).value();
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
        read_length(std::make_shared<Connection>(std::move(socket)));
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
                         on_tcp(connection->message, [connection](const Bytes& reply) {
                             Bytes framed{static_cast<std::uint8_t>(reply.size() >> 8U),
                                          static_cast<std::uint8_t>(reply.size())};
                             framed.insert(framed.end(), reply.begin(), reply.end());
                             boost::system::error_code ignored;
                             asio::write(connection->socket, asio::buffer(framed), ignored);
                         });
                         read_length(connection);
                     });
}

}  // namespace meshgate::test
