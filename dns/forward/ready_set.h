#pragma once

#include "src/common/asio.h"

#include <memory>
#include <vector>

namespace meshgate::dns::forward {

class UdpSocket;

/// Which of many sockets have something to read: an epoll set within the one of the io_context.
///
/// Level-triggered, so a socket is told of as long as there is something, and nothing has to be
/// armed again after each read: Asio's own wait costs a system call and a handler for each socket
/// and turn, this one for each turn.
class ReadySet : public std::enable_shared_from_this<ReadySet> {
public:
    /// @throws std::system_error
    static std::shared_ptr<ReadySet> make(asio::io_context& context);

    /// Calls the socket's read() whenever there is something, until its descriptor is closed.
    /// @return false when the kernel has no room for it.
    bool add(int fd, const std::shared_ptr<UdpSocket>& socket);

private:
    explicit ReadySet(asio::io_context& context);

    void wait();
    void read_all();

    asio::posix::stream_descriptor epoll_;
    std::vector<std::weak_ptr<UdpSocket>> sockets_;  ///< by descriptor; gone ones stay, expired
};

}  // namespace meshgate::dns::forward
