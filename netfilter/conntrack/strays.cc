#include "netfilter/conntrack/strays.h"

#include "netfilter/conntrack/judgement.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace meshgate::netfilter {
namespace {

/// The networks of sets whose names begin so: "vip_addresses4" and "vip_addresses6".
std::vector<Cidr> networks_of(const Ruleset& rules, std::string_view name) {
    std::vector<Cidr> networks;
    for (const auto& set : rules.sets) {
        const auto* elements = std::get_if<AddressElements>(&set.elements);
        if (elements == nullptr || !set.name.starts_with(name)) continue;
        networks.insert(networks.end(), elements->networks.begin(), elements->networks.end());
    }
    return networks;
}

bool is_in(const std::vector<Cidr>& networks, const conf::IpAddress& address) {
    return std::ranges::any_of(networks, [&](const Cidr& one) { return one.contains(address); });
}

}  // namespace

Strays::Strays(const Ruleset& rules)
    : rules_(rules), addresses_(networks_of(rules, "vip_addresses")),
      proxied_(networks_of(rules, "proxy_vips")), captured_to_(redirect_ports(rules)) {}

std::span<const VipSlot> Strays::slots(conf::Protocol protocol, const Tuple& original) const {
    for (const auto& map : rules_.endpoint_maps) {
        if (map.family != original.destination.family() || map.protocol != protocol) continue;
        const auto found =
            std::ranges::equal_range(map.elements, std::pair{original.destination, original.dport},
                                     {}, [](const auto& e) { return std::pair{e.address, e.port}; });
        return {found.begin(), found.end()};
    }
    return {};
}

bool Strays::is_vip(const conf::IpAddress& address) const {
    return is_in(addresses_, address) && !is_in(proxied_, address);
}

bool Strays::contains(const Connection& connection) const {
    if (!is_redirected(connection)) return false;
    const bool is_tcp = connection.protocol == conf::Protocol::tcp;
    if (is_tcp && connection.answered && connection.phase == Phase::open) return false;
    const auto& to = connection.reply;
    const auto endpoints = slots(connection.protocol, connection.original);
    if (endpoints.empty()) {
        // DNS that is captured may have been for any address.
        return is_vip(connection.original.destination) &&
               std::ranges::find(captured_to_, to.sport) == captured_to_.end();
    }
    return std::ranges::none_of(endpoints, [&to](const VipSlot& slot) {
        return slot.endpoint == to.source && slot.endpoint_port == to.sport;
    });
}

}  // namespace meshgate::netfilter
