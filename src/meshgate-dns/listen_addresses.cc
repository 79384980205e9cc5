#include "src/meshgate-dns/listen_addresses.h"

#include "src/common/errors.h"
#include "src/meshgate-dns/sockaddr.h"

#include <ifaddrs.h>

#include <algorithm>
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

std::vector<conf::SocketAddress> addresses_of(const conf::InterfacePort& listen) {
    std::vector<conf::SocketAddress> found;
    const Interfaces list = interfaces();
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (listen.interface != entry->ifa_name) continue;
        const auto address = from_kernel(entry->ifa_addr);
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

std::vector<conf::IpAddress> local_addresses() {
    std::vector<conf::IpAddress> all;
    const Interfaces list = interfaces();
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        if (const auto address = from_kernel(entry->ifa_addr)) all.push_back(*address);
    }
    return all;
}

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
