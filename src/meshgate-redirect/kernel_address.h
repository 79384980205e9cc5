#pragma once

#include "conf/address.h"

#include <sys/socket.h>

namespace meshgate::redirect {

/// An address with its port as the socket calls take it.
struct KernelAddress {
    KernelAddress() = default;
    KernelAddress(const conf::IpAddress& address, std::uint16_t port);

    sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] conf::IpAddress address() const;
    [[nodiscard]] std::uint16_t port() const;

    sockaddr_storage storage{};
    socklen_t bytes = sizeof(sockaddr_storage);
};

int to_af(conf::Family family) noexcept;         ///< AF_INET, AF_INET6
conf::IpAddress any_address(conf::Family family);  ///< 0.0.0.0, ::
conf::IpAddress localhost(conf::Family family);    ///< 127.0.0.1, ::1

}  // namespace meshgate::redirect
