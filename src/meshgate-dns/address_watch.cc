#include "src/meshgate-dns/address_watch.h"

#include "src/common/asio.h"
#include "src/common/errors.h"
#include "src/common/timer.h"
#include "src/common/unique_fd.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace meshgate::dnsd {
namespace {

/// An interface gets its addresses one by one.
constexpr std::chrono::milliseconds addresses_settle{100};

UniqueFd address_events() {
    UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (!fd) throw_errno("netlink socket");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw_errno("netlink bind");
    }
    return fd;
}

}  // namespace

struct AddressWatch::State : std::enable_shared_from_this<State> {
    State(asio::io_context& context, std::function<void()> its_changed)
        : descriptor(context), settle(context), changed(std::move(its_changed)) {}

    void wait() {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (error || !self->descriptor.is_open()) return;
                                  self->drain();
                                  self->settle_soon();
                                  self->wait();
                              });
    }

    /// What happened does not matter: all addresses are looked at anew. ENOBUFS, said once when
    /// events were lost, is an event as well.
    void drain() {
        std::array<char, 8192> buffer;
        while (::recv(descriptor.native_handle(), buffer.data(), buffer.size(), 0) > 0 ||
               errno == ENOBUFS || errno == EINTR) {
        }
    }

    void settle_soon() {
        if (std::exchange(settling, true)) return;
        settle.wait_for(addresses_settle, [this] {
            settling = false;
            changed();
        });
    }

    asio::posix::stream_descriptor descriptor;
    Timer settle;
    bool settling = false;
    std::function<void()> changed;
};

AddressWatch::AddressWatch(asio::io_context& context, std::function<void()> changed)
    : state_(std::make_shared<State>(context, std::move(changed))) {}

AddressWatch::~AddressWatch() {
    state_->settle.cancel();
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
}

void AddressWatch::start() {
    UniqueFd fd = address_events();
    state_->descriptor.assign(fd.get());
    static_cast<void>(fd.release());
    state_->wait();
}

}  // namespace meshgate::dnsd
