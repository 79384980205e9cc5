#include "dns/forward/ready_set.h"

#include "dns/forward/udp_socket.h"
#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <sys/epoll.h>

#include <array>
#include <cstddef>

namespace meshgate::dns::forward {
namespace {

constexpr int events_a_turn = 64;  // then the rest of the worker has its turn

}  // namespace

std::shared_ptr<ReadySet> ReadySet::make(asio::io_context& context) {
    std::shared_ptr<ReadySet> set{new ReadySet(context)};
    UniqueFd fd{::epoll_create1(EPOLL_CLOEXEC)};
    if (!fd) throw_errno("epoll_create1");
    set->epoll_.assign(fd.get());
    static_cast<void>(fd.release());
    set->wait();
    return set;
}

ReadySet::ReadySet(asio::io_context& context) : epoll_(context) {}

bool ReadySet::add(int fd, const std::shared_ptr<UdpSocket>& socket) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= sockets_.size()) sockets_.resize(index + 1);
    sockets_[index] = socket;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void ReadySet::wait() {
    epoll_.async_wait(asio::posix::descriptor_base::wait_read,
                      [weak = weak_from_this()](const boost::system::error_code& error) {
                          const auto self = weak.lock();
                          if (!self || error) return;
                          self->read_all();
                          self->wait();
                      });
}

void ReadySet::read_all() {
    std::array<epoll_event, events_a_turn> events;
    const int count = ::epoll_wait(epoll_.native_handle(), events.data(), events_a_turn, 0);
    for (int i = 0; i < count; ++i) {
        // One that an earlier event closed is gone; a new one in its place has nothing to read yet.
        const auto fd = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.fd);
        if (const auto socket = sockets_[fd].lock()) socket->read();
    }
}

}  // namespace meshgate::dns::forward
