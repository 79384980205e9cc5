#include "netfilter/plan/vips.h"

#include "netfilter/plan/slots.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <span>
#include <utility>

namespace meshgate::netfilter {
namespace {

std::string suffix(Family family, Protocol protocol) {
    return std::string{protocol == Protocol::tcp ? "tcp" : "udp"} +
           (family == Family::ipv4 ? "4" : "6");
}

std::vector<std::uint32_t> weights_of(const std::vector<VipEndpoint>& endpoints) {
    std::vector<std::uint32_t> weights;
    for (const auto& endpoint : endpoints) weights.push_back(endpoint.weight);
    return weights;
}

std::size_t draw_for_weights(const std::vector<std::uint32_t>& weights) {
    const auto counts = nearest_slots(weights);
    return draw_for(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
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

/// Which endpoints of the route the slots have; none when they have another.
std::optional<std::vector<bool>> alive_in(const VipRoute& route, std::span<const VipSlot> slots) {
    std::vector<bool> alive(route.endpoints.size());
    for (const auto& slot : slots) {
        const auto known = std::ranges::find_if(route.endpoints, [&slot](const auto& endpoint) {
            return endpoint.address == slot.endpoint && endpoint.port == slot.endpoint_port;
        });
        if (known == route.endpoints.end()) return std::nullopt;
        alive[static_cast<std::size_t>(known - route.endpoints.begin())] = true;
    }
    return alive;
}

}  // namespace

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

namespace {

std::vector<std::uint32_t> weights_of(const VipService& service, Family family) {
    std::vector<VipEndpoint> of_family;
    std::ranges::copy_if(service.endpoints, std::back_inserter(of_family),
                         [family](const auto& each) { return each.address.family() == family; });
    return weights_of(of_family);
}

/// Of one port, for its endpoints.
std::size_t slots_max_of(const VipService& service) {
    if (service.balance != conf::Balance::random) return fixed_slots;
    return service.has_named_endpoints ? named_slots_max : slots_max;
}

void check_weights(const VipService& service, std::vector<conf::Diagnostic>& faults) {
    const auto what = "service '" + service.name + "'";
    const auto most = slots_max_of(service);
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto weights = weights_of(service, family);
        if (weights.size() > most) {
            faults.push_back(
                {service.where, what + " has more than " + std::to_string(most) +
                                    " endpoints of one family" +
                                    (service.has_named_endpoints ? " beside those given by name" : "")});
        } else if (!fewest_slots(weights, most)) {
            faults.push_back({service.where, what + ": the shares of these weights cannot be kept "
                                                    "within 1 %: make them less different"});
        }
    }
}

/// The room that each port takes in the map of one family and protocol; the larger of both families.
std::size_t room_of(const VipService& service) {
    if (service.balance != conf::Balance::random || service.has_named_endpoints) {
        return slots_max_of(service);
    }
    std::size_t most = 0;
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        auto weights = weights_of(service, family);
        weights.resize(std::min(weights.size(), slots_max));  // more are a fault already
        most = std::max(most, draw_for_weights(weights));
    }
    return most;
}

}  // namespace

std::vector<conf::Diagnostic> vip_faults(const std::vector<VipService>& services) {
    std::vector<conf::Diagnostic> faults;
    std::size_t turns = 0, slots = 0;
    for (const auto& service : services) {
        const auto turns_before = turns, slots_before = slots;
        check_weights(service, faults);
        if (service.balance == conf::Balance::round_robin) turns += service.ports.size();
        slots += service.ports.size() * room_of(service);
        if (turns > turn_chains_max && turns_before <= turn_chains_max) {
            faults.push_back({service.where,
                              "service '" + service.name + "': at most " +
                                  std::to_string(turn_chains_max) +
                                  " ports of services can have balance = \"round-robin\", each of "
                                  "which has a counter in the kernel: use \"random\""});
        }
        if (slots > vip_slots_max && slots_before <= vip_slots_max) {
            faults.push_back({service.where, "service '" + service.name +
                                                 "' and those before it have more endpoints than "
                                                 "the kernel is asked to hold"});
        }
    }
    return faults;
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

namespace {

/// The elements of the installed maps, to be looked up by route.
class InstalledMaps {
public:
    explicit InstalledMaps(const Ruleset& installed) {
        for (const auto& map : installed.class_maps) classes_.emplace(map.name, &map);
        for (const auto& map : installed.endpoint_maps) endpoints_.emplace(map.name, &map);
    }

    /// None when the route is not there.
    [[nodiscard]] std::optional<RouteElements> of(const VipRoute& route) const {
        const auto classes = classes_.find(class_map_name(route.family, route.protocol));
        const auto slots = endpoints_.find(endpoint_map_name(route.family, route.protocol));
        if (classes == classes_.end() || slots == endpoints_.end()) return std::nullopt;
        const auto key = [](const auto& e) { return std::pair{e.address, e.port}; };
        const std::pair wanted{route.address, route.port};
        const auto found = std::ranges::equal_range(classes->second->elements, wanted, {}, key);
        if (found.empty()) return std::nullopt;
        RouteElements elements{found.front(), {}};
        const auto here = std::ranges::equal_range(slots->second->elements, wanted, {}, key);
        elements.slots.assign(here.begin(), here.end());
        return elements;
    }

private:
    std::map<std::string, const ClassMap*> classes_;
    std::map<std::string, const EndpointMap*> endpoints_;
};

/// The elements of a route with the endpoints that are installed; none if what is installed cannot
/// have come of the plan. Of names, the slots that are installed are taken as they are.
std::optional<RouteElements> live_elements(const VipRoute& route,
                                           std::optional<RouteElements> installed) {
    if (!installed) return std::nullopt;
    if (route.has_named_endpoints) {
        installed->to_class = elements_of(route).to_class;
        return installed;
    }
    const auto alive = alive_in(route, installed->slots);
    if (!alive || elements_of(route, *alive) != *installed) return std::nullopt;
    return installed;
}

}  // namespace

std::vector<std::string> keep_live(Ruleset& planned, const std::vector<VipService>& services,
                                   const Ruleset& installed) {
    std::vector<std::string> reduced;
    const InstalledMaps found{installed};
    MapFiller filler{planned};
    std::optional<std::size_t> last;
    for (const auto& route : routes_of(services, {Family::ipv4, Family::ipv6})) {
        auto whole = elements_of(route);
        const auto& service = services[route.service];
        const bool is_watched = service.is_checked || service.has_named_endpoints;
        auto live = is_watched ? live_elements(route, found.of(route)) : std::nullopt;
        if (live && *live != whole && last != route.service && !route.has_named_endpoints) {
            reduced.push_back(service.name);
            last = route.service;
        }
        filler.add(route, live ? std::move(*live) : std::move(whole));
    }
    filler.sort();
    return reduced;
}

}  // namespace meshgate::netfilter
