#pragma once

#include "conf/address.h"

#include <sys/socket.h>

namespace meshgate::dnsd {

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

}  // namespace meshgate::dnsd
