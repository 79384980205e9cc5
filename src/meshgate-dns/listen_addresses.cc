#include "src/meshgate-dns/listen_addresses.h"

#include "src/meshgate-dns/access.h"

#include <algorithm>
#include <stdexcept>

namespace meshgate::dnsd {
namespace {

std::vector<conf::SocketAddress> addresses_of(const conf::InterfacePort& listen) {
    std::vector<conf::SocketAddress> found;
    for (const InterfaceAddress& entry : interface_addresses()) {
        if (listen.interface != entry.interface) continue;
        const bool scoped =
            entry.address.family() == conf::Family::ipv6 && entry.address.is_link_local();
        found.push_back({entry.address, listen.port, scoped ? listen.interface : ""});
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
    for (const InterfaceAddress& entry : interface_addresses()) all.push_back(entry.address);
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
