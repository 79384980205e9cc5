#pragma once

#include "conf/address.h"

#include <sys/socket.h>

#include <optional>

namespace meshgate::daemon {

/// An address as the kernel takes it.
struct KernelAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

/// @throws std::system_error for a scope that is no interface.
KernelAddress to_kernel(const conf::SocketAddress& address);

/// The address alone; none for another family than these two, or a null pointer.
std::optional<conf::IpAddress> from_kernel(const sockaddr* address) noexcept;

}  // namespace meshgate::daemon
