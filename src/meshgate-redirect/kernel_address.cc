#include "src/meshgate-redirect/kernel_address.h"

#include <netinet/in.h>

#include <array>
#include <cstring>
#include <span>

namespace meshgate::redirect {

int to_af(conf::Family family) noexcept {
    return family == conf::Family::ipv4 ? AF_INET : AF_INET6;
}

conf::IpAddress any_address(conf::Family family) {
    return family == conf::Family::ipv4 ? conf::IpAddress{} : *conf::IpAddress::parse("::");
}

conf::IpAddress localhost(conf::Family family) {
    return *conf::IpAddress::parse(family == conf::Family::ipv4 ? "127.0.0.1" : "::1");
}

KernelAddress::KernelAddress(const conf::IpAddress& address, std::uint16_t port) {
    if (address.family() == conf::Family::ipv4) {
        auto& ip = reinterpret_cast<sockaddr_in&>(storage);
        ip.sin_family = AF_INET;
        ip.sin_port = htons(port);
        std::memcpy(&ip.sin_addr, address.bytes().data(), 4);
        bytes = sizeof ip;
    } else {
        auto& ip = reinterpret_cast<sockaddr_in6&>(storage);
        ip.sin6_family = AF_INET6;
        ip.sin6_port = htons(port);
        std::memcpy(&ip.sin6_addr, address.bytes().data(), 16);
        bytes = sizeof ip;
    }
}

conf::IpAddress KernelAddress::address() const {
    std::array<std::uint8_t, 16> raw{};
    if (storage.ss_family == AF_INET) {
        std::memcpy(raw.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
        return conf::IpAddress::ipv4(std::span{raw}.first<4>());
    }
    std::memcpy(raw.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
    return conf::IpAddress::ipv6(raw);
}

std::uint16_t KernelAddress::port() const {
    // Both families have it at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

}  // namespace meshgate::redirect
