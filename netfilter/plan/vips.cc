#include "netfilter/plan/vips.h"

#include "netfilter/plan/slots.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace meshgate::netfilter {
namespace {

std::string suffix(Family family, Protocol protocol) {
    return std::string{protocol == Protocol::tcp ? "tcp" : "udp"} +
           (family == Family::ipv4 ? "4" : "6");
}

/// Of all endpoints that the route has or, by name, may come to have.
std::size_t draw_of(const VipRoute& route) {
    return route.has_named_endpoints ? named_slots_max
                                     : draw_for_weights(weights_of(route.endpoints));
}

/// Whoever is alive: where nobody has a slot, no rule of any chain holds.
std::string chain_of(const VipRoute& route, std::size_t draw) {
    if (route.endpoints.empty() && !route.has_named_endpoints) return no_endpoint_chain;
    switch (route.balance) {
    case conf::Balance::random:
        break;
    case conf::Balance::round_robin:
        return route.turn_chain;
    case conf::Balance::client_hash:
        return client_chain;
    }
    return random_chain(draw);
}

}  // namespace

std::vector<std::uint32_t> weights_of(const std::vector<VipEndpoint>& endpoints) {
    std::vector<std::uint32_t> weights;
    for (const auto& endpoint : endpoints) weights.push_back(endpoint.weight);
    return weights;
}

std::string random_chain(std::size_t draw) {
    return "vip_random_" + std::to_string(draw);
}

std::string class_map_name(Family family, Protocol protocol) {
    return "vip_" + suffix(family, protocol);
}

std::string endpoint_map_name(Family family, Protocol protocol) {
    return class_map_name(family, protocol) + "_endpoints";
}

std::vector<VipRoute> routes_of(const std::vector<VipService>& services,
                                const std::vector<Family>& families) {
    std::vector<VipRoute> routes;
    std::size_t turn_chains = 0;
    for (std::size_t index = 0; index < services.size(); ++index) {
        const auto& service = services[index];
        const bool in_turn = service.balance == conf::Balance::round_robin;
        for (const Port port : service.ports) {
            const auto chain =
                in_turn ? "vip_turn_" + std::to_string(++turn_chains) : std::string{};
            for (const Family family : families) {
                const auto& address = family == Family::ipv4 ? service.address4 : service.address6;
                if (!address) continue;
                VipRoute route{.family = family,
                               .protocol = Protocol::tcp,
                               .address = *address,
                               .port = port,
                               .balance = service.balance,
                               .turn_chain = chain,
                               .endpoints = {},
                               .has_named_endpoints = service.has_named_endpoints,
                               .service = index};
                std::ranges::copy_if(
                    service.endpoints, std::back_inserter(route.endpoints),
                    [family](const auto& each) { return each.address.family() == family; });
                for (const Protocol protocol : service.protocols) {
                    route.protocol = protocol;
                    routes.push_back(route);
                }
            }
        }
    }
    return routes;
}

std::size_t random_draw(const VipRoute& route) {
    return route.balance == conf::Balance::random ? draw_of(route) : 0;
}

RouteElements elements_of(const VipRoute& route, const std::vector<bool>& alive) {
    const auto weights = weights_of(route.endpoints);
    const auto draw = random_draw(route);
    const auto slots =
        draw > 0 ? drawn_slots(weights, alive, draw) : spread_slots(weights, alive, fixed_slots);
    RouteElements elements{{route.address, route.port, chain_of(route, draw)}, {}};
    elements.slots.reserve(slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const auto& endpoint = route.endpoints[slots[i]];
        elements.slots.push_back({route.address, route.port, static_cast<std::uint32_t>(i),
                                  endpoint.address, endpoint.port});
    }
    return elements;
}

RouteElements elements_of(const VipRoute& route) {
    return elements_of(route, std::vector<bool>(route.endpoints.size(), true));
}

VipUpdate update_of(const VipRoute& route, const std::vector<bool>& alive) {
    auto elements = elements_of(route, alive);
    return {class_map_name(route.family, route.protocol),
            endpoint_map_name(route.family, route.protocol), std::move(elements.to_class),
            std::move(elements.slots)};
}

MapFiller::MapFiller(Ruleset& ruleset) : ruleset_(ruleset) {
    for (auto& map : ruleset.class_maps) map.elements.clear();
    for (auto& map : ruleset.endpoint_maps) map.elements.clear();
}

void MapFiller::add(const VipRoute& route, RouteElements elements) {
    const auto classes = std::ranges::find(
        ruleset_.class_maps, class_map_name(route.family, route.protocol), &ClassMap::name);
    const auto slots = std::ranges::find(ruleset_.endpoint_maps,
                                         endpoint_map_name(route.family, route.protocol),
                                         &EndpointMap::name);
    if (classes == ruleset_.class_maps.end() || slots == ruleset_.endpoint_maps.end()) return;
    classes->elements.push_back(std::move(elements.to_class));
    std::ranges::move(elements.slots, std::back_inserter(slots->elements));
}

void MapFiller::sort() {
    for (auto& map : ruleset_.class_maps) std::ranges::sort(map.elements, key_order);
    for (auto& map : ruleset_.endpoint_maps) std::ranges::sort(map.elements, key_order);
}

}  // namespace meshgate::netfilter
