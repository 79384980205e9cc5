#pragma once

#include "dns/server/tcp_connections.h"
#include "src/common/asio.h"
#include "src/common/timer.h"
#include "src/common/unique_fd.h"

namespace meshgate::dns::server {

/// Accepts the connections of one listening socket.
class TcpListener {
public:
    TcpListener(asio::io_context& context, UniqueFd fd, TcpConnections& connections);
    TcpListener(const TcpListener&) = delete;
    TcpListener& operator=(const TcpListener&) = delete;

    void start();

    /// Accepts no more; the kernel refuses from now on.
    void close() noexcept;

private:
    enum class After { wait, pause };

    After accept_some();
    void pause();

    asio::posix::stream_descriptor socket_;
    Timer pause_;
    const SocketFacts facts_;
    TcpConnections& connections_;
};

}  // namespace meshgate::dns::server
