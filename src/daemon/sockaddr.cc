#include "src/daemon/sockaddr.h"

#include "src/common/errors.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace meshgate::daemon {

KernelAddress to_kernel(const conf::SocketAddress& address) {
    KernelAddress out;
    const auto bytes = address.address.bytes();
    if (address.address.family() == conf::Family::ipv4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(address.port);
        std::memcpy(&in.sin_addr, bytes.data(), bytes.size());
        std::memcpy(&out.storage, &in, sizeof in);
        out.length = sizeof in;
        return out;
    }
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::memcpy(&in6.sin6_addr, bytes.data(), bytes.size());
    if (!address.scope.empty()) {
        in6.sin6_scope_id = ::if_nametoindex(address.scope.c_str());
        if (in6.sin6_scope_id == 0) throw_errno("interface " + address.scope);
    }
    std::memcpy(&out.storage, &in6, sizeof in6);
    out.length = sizeof in6;
    return out;
}

std::optional<conf::IpAddress> from_kernel(const sockaddr* address) noexcept {
    if (address == nullptr) return std::nullopt;
    if (address->sa_family == AF_INET) {
        std::array<std::uint8_t, 4> bytes;
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
        return conf::IpAddress::ipv4(bytes);
    }
    if (address->sa_family == AF_INET6) {
        std::array<std::uint8_t, 16> bytes;
        sockaddr_in6 in6;
        std::memcpy(&in6, address, sizeof in6);
        std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
        return conf::IpAddress::ipv6(bytes);
    }
    return std::nullopt;
}

}  // namespace meshgate::daemon
