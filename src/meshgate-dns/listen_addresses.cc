#include "src/meshgate-dns/listen_addresses.h"

#include "src/common/errors.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace meshgate::dnsd {
namespace {

struct FreeIfaddrs {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};
using Interfaces = std::unique_ptr<ifaddrs, FreeIfaddrs>;

Interfaces interfaces() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) throw_errno("getifaddrs");
    return Interfaces{list};
}

std::optional<conf::IpAddress> address_of(const sockaddr* address) {
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

std::vector<conf::SocketAddress> addresses_of(const conf::InterfacePort& listen) {
    std::vector<conf::SocketAddress> found;
    const Interfaces list = interfaces();
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (listen.interface != entry->ifa_name) continue;
        const auto address = address_of(entry->ifa_addr);
        if (!address) continue;
        const bool scoped = address->family() == conf::Family::ipv6 && address->is_link_local();
        found.push_back({*address, listen.port, scoped ? listen.interface : ""});
    }
    if (found.empty()) {
        throw std::runtime_error("dns.listen: interface '" + listen.interface +
                                 "' does not exist or has no address");
    }
    return found;
}

}  // namespace

std::vector<conf::SocketAddress> listen_addresses(const std::vector<conf::Listen>& listen) {
    std::vector<conf::SocketAddress> all;
    const auto add = [&all](const conf::SocketAddress& address) {
        if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
    };
    for (const conf::Listen& where : listen) {
        if (const auto* address = std::get_if<conf::SocketAddress>(&where)) {
            add(*address);
            continue;
        }
        for (const auto& address : addresses_of(std::get<conf::InterfacePort>(where))) add(address);
    }
    return all;
}

}  // namespace meshgate::dnsd
