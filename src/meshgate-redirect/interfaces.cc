#include "src/meshgate-redirect/interfaces.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <memory>

namespace meshgate::redirect {
namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> bytes_of(const void* address) {
    std::array<std::uint8_t, Size> bytes{};
    std::memcpy(bytes.data(), address, Size);
    return bytes;
}

}  // namespace

std::vector<InterfaceAddress> interface_addresses() {
    std::vector<InterfaceAddress> addresses;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return addresses;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned{list, &::freeifaddrs};
    for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) continue;
        const std::string label{entry->ifa_name};  // "eth0:1": the label of an address of eth0
        const auto interface = label.substr(0, label.find(':'));
        if (entry->ifa_addr->sa_family == AF_INET) {
            const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
            addresses.push_back(
                {interface, conf::IpAddress::ipv4(bytes_of<4>(&address->sin_addr))});
        } else if (entry->ifa_addr->sa_family == AF_INET6) {
            const auto* address = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
            addresses.push_back(
                {interface, conf::IpAddress::ipv6(bytes_of<16>(&address->sin6_addr))});
        }
    }
    return addresses;
}

LocalAddresses::LocalAddresses() {
    for (const auto& one : interface_addresses()) addresses_.insert(one.address);
}

bool LocalAddresses::contain(const conf::IpAddress& address) const {
    return address.is_loopback() || addresses_.contains(address);
}

bool is_of_this_machine(const conf::IpAddress& address) {
    return LocalAddresses{}.contain(address);
}

}  // namespace meshgate::redirect
