#include "netfilter/plan/vips.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace meshgate::netfilter {
namespace {

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
