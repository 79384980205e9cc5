#include "src/meshgate-redirect/probing/client_ground.h"

#include "src/meshgate-redirect/network_listeners.h"

#include <algorithm>
#include <array>
#include <optional>

namespace meshgate::redirect {
namespace {

using conf::Cidr;
using conf::Family;
using conf::IpAddress;

constexpr std::size_t max_networks = 4;
constexpr int most_tries = 8;

IpAddress before(const IpAddress& address) {
    std::array<std::uint8_t, 16> bytes{};
    const auto size = address.bytes().size();
    std::ranges::copy(address.bytes(), bytes.begin());
    for (auto i = size; i-- > 0;) {
        if (bytes[i]-- != 0) break;
    }
    if (size == 16) return IpAddress::ipv6(bytes);
    return IpAddress::ipv4(std::span{bytes}.first<4>());
}

const char* family_name(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

class Finder {
public:
    Finder(const std::vector<InterfaceAddress>& addresses, const InterfaceState& state)
        : addresses_(addresses), state_(state) {}

    void look_at(const conf::Network& network, std::span<const Family> families) {
        const auto found = std::ranges::find_if(addresses_, [&](const InterfaceAddress& one) {
            return matches_interface(network.interface, one.interface);
        });
        if (found == addresses_.end()) {
            return leave_out(network.interface, "there is no such interface with an address");
        }
        if (!state_.is_up(found->interface)) return leave_out(found->interface, "it is down");
        for (const Family family : families) {
            const auto cidr = std::ranges::find(network.cidrs, family, [](const Cidr& each) {
                return each.base.family();
            });
            if (cidr != network.cidrs.end()) look_at(found->interface, *cidr);
        }
    }

    ClientGround take() { return std::move(ground_); }

private:
    void look_at(const std::string& interface, const Cidr& cidr) {
        const auto family = cidr.base.family();
        const auto here = redirect_target(interface, family, addresses_);
        if (!here || here->is_link_local()) {
            return leave_out(interface, std::string{"it has no "} + family_name(family) +
                                            " address that others can reach");
        }
        if (family == Family::ipv4 && state_.is_strict(interface)) {
            return leave_out(interface, "rp_filter is strict there (net.ipv4.conf." + interface +
                                            ".rp_filter is 1): the kernel would drop what is "
                                            "answered elsewhere, as probes are");
        }
        const auto address = free_address(cidr);
        if (!address) return leave_out(interface, "no address of " + cidr.to_string() + " is free");
        ground_.clients.push_back({interface, *address, *here});
    }

    void leave_out(const std::string& interface, const std::string& why) {
        ground_.left_out.push_back("clients behind " + interface + ": " + why);
    }

    [[nodiscard]] std::optional<IpAddress> free_address(const Cidr& cidr) const {
        auto address = cidr.last();
        const bool has_broadcast = cidr.base.family() == Family::ipv4 && cidr.prefix < 31;
        if (has_broadcast) address = before(address);
        for (int i = 0; i < most_tries && cidr.contains(address); ++i) {
            if (!is_taken(address)) return address;
            address = before(address);
        }
        return std::nullopt;
    }

    [[nodiscard]] bool is_taken(const IpAddress& address) const {
        return std::ranges::find(addresses_, address, &InterfaceAddress::address) !=
                   addresses_.end() ||
               std::ranges::find(ground_.clients, address, &ProbeClient::address) !=
                   ground_.clients.end();
    }

    const std::vector<InterfaceAddress>& addresses_;
    const InterfaceState& state_;
    ClientGround ground_;
};

}  // namespace

ClientGround find_clients(const conf::Redirect& redirect, std::span<const Family> families,
                          const std::vector<InterfaceAddress>& addresses,
                          const InterfaceState& state) {
    Finder finder{addresses, state};
    const auto& networks = redirect.networks;
    for (std::size_t i = 0; i < std::min(networks.size(), max_networks); ++i) {
        finder.look_at(networks[i], families);
    }
    auto ground = finder.take();
    for (std::size_t i = max_networks; i < networks.size(); ++i) {
        ground.left_out.push_back("clients behind " + networks[i].interface + ": only those of " +
                                  std::to_string(max_networks) + " networks are probed");
    }
    return ground;
}

}  // namespace meshgate::redirect
