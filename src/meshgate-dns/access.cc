#include "src/meshgate-dns/access.h"

#include "src/common/errors.h"
#include "src/daemon/sockaddr.h"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <system_error>
#include <utility>

namespace meshgate::dnsd {
namespace {

struct FreeInterfaceList {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};

std::uint8_t prefix_of(const conf::IpAddress& mask) {
    int bits = 0;
    for (const std::uint8_t byte : mask.bytes()) bits += std::popcount(byte);
    return static_cast<std::uint8_t>(bits);
}

/// The network of `prefix` bits that the address is in.
conf::Cidr network_of(const conf::IpAddress& address, std::uint8_t prefix) {
    std::array<std::uint8_t, 16> bytes{};
    std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
    for (std::size_t bit = prefix; bit < address.bytes().size() * 8; ++bit) {
        bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    }
    const std::span<const std::uint8_t, 16> all{bytes};
    return {address.family() == conf::Family::ipv4 ? conf::IpAddress::ipv4(all.first<4>())
                                                   : conf::IpAddress::ipv6(all),
            prefix};
}

std::uint8_t host_prefix(const conf::IpAddress& address) {
    return static_cast<std::uint8_t>(address.bytes().size() * 8);
}

bool matches(std::string_view pattern, std::string_view interface) {
    if (!pattern.ends_with('+') && !pattern.ends_with('*')) return pattern == interface;
    pattern.remove_suffix(1);
    return interface.starts_with(pattern);
}

}  // namespace

std::vector<InterfaceAddress> interface_addresses() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) throw_errno("getifaddrs");
    const std::unique_ptr<ifaddrs, FreeInterfaceList> list{first};
    std::vector<InterfaceAddress> all;
    for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
        const auto address = daemon::from_kernel(entry->ifa_addr);
        if (!address) continue;
        const auto mask = daemon::from_kernel(entry->ifa_netmask);
        all.push_back({entry->ifa_name, ::if_nametoindex(entry->ifa_name), *address,
                       mask ? prefix_of(*mask) : host_prefix(*address)});
    }
    return all;
}

dns::server::AccessList make_access_list(const conf::Config& config,
                                         std::span<const InterfaceAddress> addresses) {
    std::vector<conf::Cidr> networks;
    std::vector<std::uint32_t> links;
    for (const InterfaceAddress& own : addresses) {
        networks.push_back({own.address, host_prefix(own.address)});
    }
    for (const conf::Network& network : config.redirect.networks) {
        networks.insert(networks.end(), network.cidrs.begin(), network.cidrs.end());
    }
    for (const conf::Allowed& allowed : config.dns.allow) {
        if (const auto* network = std::get_if<conf::Cidr>(&allowed)) {
            networks.push_back(*network);
            continue;
        }
        for (const InterfaceAddress& own : addresses) {
            if (!matches(std::get<std::string>(allowed), own.interface)) continue;
            const bool link =
                own.address.family() == conf::Family::ipv6 && own.address.is_link_local();
            if (link) {
                links.push_back(own.index);
            } else {
                networks.push_back(network_of(own.address, own.prefix));
            }
        }
    }
    return dns::server::AccessList{networks, links};
}

std::vector<std::string> access_warnings(const conf::Config& config,
                                         std::span<const InterfaceAddress> addresses,
                                         std::span<const conf::SocketAddress> listening) {
    std::vector<std::string> warnings;
    for (const conf::Allowed& allowed : config.dns.allow) {
        const auto* interface = std::get_if<std::string>(&allowed);
        if (interface == nullptr) continue;
        const bool there = std::any_of(addresses.begin(), addresses.end(), [&](const auto& own) {
            return matches(*interface, own.interface);
        });
        if (there) continue;
        warnings.push_back("dns.allow: interface '" + *interface +
                           "' has no address now; the networks behind it may ask when it has");
    }
    if (!config.dns.allow.empty() || !config.redirect.networks.empty()) return warnings;
    const auto reached = std::find_if(listening.begin(), listening.end(),
                                      [](const auto& at) { return !at.address.is_loopback(); });
    if (reached != listening.end()) {
        warnings.push_back(reached->to_string() +
                           " is reached from other machines, and they get REFUSED: name those "
                           "that may ask in dns.allow");
    }
    return warnings;
}

Access::Access(boost::asio::io_context& context, std::vector<conf::SocketAddress> listening,
               Apply apply)
    : listening_(std::move(listening)), apply_(std::move(apply)),
      addresses_(context, [this] { on_addresses(); }) {}

std::vector<std::string> Access::configure(const conf::Config& config) {
    config_.dns.allow = config.dns.allow;
    config_.redirect.networks = config.redirect.networks;
    try {
        if (!following_) addresses_.start();
        following_ = true;
        const auto addresses = interface_addresses();
        refresh(addresses);
        return access_warnings(config_, addresses, listening_);
    } catch (const std::system_error& error) {
        if (!list_) refresh({});
        return {std::string{error.what()} +
                ": this machine's own addresses are not known to be allowed; reload to try again"};
    }
}

void Access::refresh(std::span<const InterfaceAddress> addresses) {
    auto list = make_access_list(config_, addresses);
    if (list_ && *list_ == list) return;
    list_ = std::make_shared<const dns::server::AccessList>(std::move(list));
    apply_(list_);
}

void Access::on_addresses() noexcept {
    try {
        refresh(interface_addresses());
    } catch (const std::system_error&) {
        // The list there was stays; the next event tries again.
    }
}

}  // namespace meshgate::dnsd
