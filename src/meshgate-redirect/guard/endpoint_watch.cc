#include "src/meshgate-redirect/guard/endpoint_watch.h"

#include "netfilter/plan/slots.h"
#include "src/meshgate-redirect/printable.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using namespace std::chrono_literals;

constexpr auto refused_pause = 1s;

std::vector<Family> families_of(const conf::Config& config) {
    switch (config.redirect.ip_family) {
    case conf::IpFamilyMode::ipv4:
        return {Family::ipv4};
    case conf::IpFamilyMode::ipv6:
        return {Family::ipv6};
    default:
        return {Family::ipv4, Family::ipv6};
    }
}

conf::SocketAddress address_of(const VipEndpoint& endpoint) {
    return {endpoint.address, endpoint.port, {}};
}

std::string quoted(const std::string& service) {
    return "service '" + printable(service) + "'";
}

std::string listed(const std::vector<conf::IpAddress>& addresses) {
    if (addresses.empty()) return "no address";
    std::string text;
    for (const auto& address : addresses) {
        if (!text.empty()) text += ", ";
        text += address.to_string();
    }
    return text;
}

std::vector<conf::Endpoint> named_endpoints(const conf::Service& service) {
    std::vector<conf::Endpoint> named;
    std::ranges::copy_if(service.endpoints, std::back_inserter(named), [](const auto& endpoint) {
        return !conf::IpAddress::parse(endpoint.host);
    });
    return named;
}

/// Whether connections go to an endpoint by these rules. What they do not have is either dead or
/// new: its first check says which.
std::function<bool(const health::Target&)> uses_of(const Ruleset& ruleset) {
    std::set<conf::SocketAddress> used;
    for (const auto& map : ruleset.endpoint_maps) {
        for (const auto& slot : map.elements) {
            used.insert({slot.endpoint, slot.endpoint_port, {}});
        }
    }
    return [used = std::move(used)](const health::Target& target) {
        return used.contains(target.endpoint);
    };
}

/// The endpoints of these VIPs by these rules.
std::set<conf::SocketAddress> endpoints_of(const std::vector<VipRoute>& routes,
                                           const Ruleset& ruleset) {
    std::set<conf::SocketAddress> endpoints;
    for (const auto& map : ruleset.endpoint_maps) {
        for (const auto& route : routes) {
            const auto slots = std::ranges::equal_range(map.elements, route.address, {},
                                                        &VipSlot::address);
            for (const auto& slot : slots) {
                endpoints.insert({slot.endpoint, slot.endpoint_port, {}});
            }
        }
    }
    return endpoints;
}

/// Connections go to it: what a name has may be anything.
bool can_be_endpoint(const conf::IpAddress& address) {
    return address.is_loopback() || address.can_be_virtual();
}

}  // namespace

EndpointWatch::EndpointWatch(boost::asio::io_context& context, Apply apply, Died died)
    : apply_(std::move(apply)), died_(std::move(died)), resolver_(context),
      names_(
          context,
          [this](const std::string& host, HostResolver::Found found) {
              resolver_.resolve(host, resolv_conf_, std::move(found));
          },
          [this](const std::string& host) { on_name(host); }),
      watcher_(context, [this](const auto& report) { on_health(report); }),
      apply_timer_(context) {}

EndpointWatch::~EndpointWatch() = default;

void EndpointWatch::follow(const Setup& setup, std::uint64_t installation) {
    if (installation_ == installation) return;
    installation_ = installation;
    take(setup);
    for (const auto& [name, service] : services_) changed_.insert(name);
    apply();
}

void EndpointWatch::stop() {
    installation_.reset();
    services_.clear();
    changed_.clear();
    news_.clear();
    deaths_.clear();
    listed_.clear();
    apply_timer_.cancel();
    names_.follow({});
    watcher_.watch({});
}

void EndpointWatch::take(const Setup& setup) {
    services_.clear();
    vips_.clear();
    resolv_conf_ = setup.config.resolv_conf;
    mark_ = setup.host.checks_mark.value_or(0);
    std::map<std::string, const conf::Service*> wanted;
    for (const auto& service : setup.config.services) {
        const bool has_names = !named_endpoints(service).empty();
        if (setup.config.vip.is_via_kernel(service) && (service.health || has_names)) {
            wanted.emplace(service.name, &service);
        }
    }
    for (const auto& route : routes_of(setup.host.vips, families_of(setup.config))) {
        vips_.insert(route.address);
        const auto found = wanted.find(setup.host.vips[route.service].name);
        if (found == wanted.end()) continue;
        auto& watched = services_[found->first];
        watched.planned.push_back(route);
        watched.named = named_endpoints(*found->second);
        watched.check = found->second->health;
    }
    take_listed(setup.plan.ruleset);
    std::set<std::string> hosts;
    for (const auto& [name, service] : services_) {
        for (const auto& endpoint : service.named) hosts.insert(endpoint.host);
    }
    names_.follow(hosts);
    check_again(uses_of(setup.plan.ruleset));
}

/// Of services that are new here: the others' are known better than by the plan.
void EndpointWatch::take_listed(const Ruleset& ruleset) {
    std::erase_if(listed_, [this](const auto& one) { return !services_.contains(one.first); });
    for (const auto& [name, service] : services_) {
        if (service.named.empty() || listed_.contains(name)) continue;
        listed_.emplace(name, endpoints_of(service.planned, ruleset));
    }
}

std::vector<conf::IpAddress> EndpointWatch::Watched::vips() const {
    std::vector<conf::IpAddress> addresses;
    for (const auto& route : planned) addresses.push_back(route.address);
    return addresses;
}

/// Before that, those that the kernel has from an earlier guard are the better answer.
bool EndpointWatch::has_all_names(const Watched& service) const {
    return std::ranges::all_of(
        service.named, [this](const auto& endpoint) { return names_.is_known(endpoint.host); });
}

/// The route with the endpoints that its names have now.
VipRoute EndpointWatch::current(const Watched& service, const VipRoute& planned) const {
    auto route = planned;
    const auto most = route.balance == conf::Balance::random ? named_slots_max : fixed_slots;
    for (const auto& endpoint : service.named) {
        for (const auto& address : names_.addresses(endpoint.host)) {
            if (address.family() != route.family || !can_be_endpoint(address)) continue;
            if (vips_.contains(address) || route.endpoints.size() >= most) continue;
            const VipEndpoint one{address, endpoint.port, endpoint.weight};
            if (std::ranges::find(route.endpoints, one) == route.endpoints.end()) {
                route.endpoints.push_back(one);
            }
        }
    }
    return route;
}

void EndpointWatch::check_again(const std::function<bool(const health::Target&)>& is_used) {
    std::vector<health::Target> targets;
    for (const auto& [name, service] : services_) {
        if (!service.check) continue;
        for (const auto& planned : service.planned) {
            for (const auto& endpoint : current(service, planned).endpoints) {
                targets.push_back({name, address_of(endpoint), *service.check, mark_});
            }
        }
    }
    watcher_.watch(std::move(targets), is_used);
}

bool EndpointWatch::is_alive(const std::string& service, const VipEndpoint& endpoint) const {
    const auto report = watcher_.report(service, address_of(endpoint));
    return !report || report->alive;
}

std::vector<bool> EndpointWatch::used(const std::string& name, const Watched& service,
                                      const VipRoute& route) const {
    std::vector<bool> alive;
    alive.reserve(route.endpoints.size());
    for (const auto& endpoint : route.endpoints) alive.push_back(is_alive(name, endpoint));
    return health::to_be_used(std::move(alive), service.check ? service.check->panic : 0);
}

void EndpointWatch::on_health(const health::Watcher::Report& report) {
    const auto& target = *report.target;
    const auto found = services_.find(target.service);
    if (found == services_.end()) return;
    const auto what = quoted(target.service) + ": " + target.endpoint.to_string();
    if (report.alive) {
        news_.emplace_back(log::Level::notice, what + " is alive again");
    } else {
        news_.emplace_back(log::Level::warning, what + " is dead: " + printable(report.reason));
        deaths_.push_back(
            {found->second.vips(), target.endpoint, target.check.cut});
    }
    change(target.service);
}

void EndpointWatch::on_name(const std::string& host) {
    log::notice(printable(host) + " has " + listed(names_.addresses(host)) + " now");
    for (const auto& [name, service] : services_) {
        if (std::ranges::find(service.named, host, &conf::Endpoint::host) != service.named.end()) {
            change(name);
        }
    }
    // Of a name that is asked for the first time the kernel may have had them, or not.
    check_again([](const health::Target&) { return true; });
}

/// With what else changes at the same time: one transaction.
void EndpointWatch::change(const std::string& service) {
    changed_.insert(service);
    apply_timer_.wait_for(0ms, [this] { apply(); });
}

void EndpointWatch::apply() {
    std::vector<VipUpdate> updates;
    for (const auto& name : changed_) {
        const auto found = services_.find(name);
        if (found == services_.end() || !has_all_names(found->second)) continue;
        for (const auto& planned : found->second.planned) {
            const auto route = current(found->second, planned);
            updates.push_back(update_of(route, used(name, found->second, route)));
        }
    }
    const bool is_applied = updates.empty() || apply_(updates);
    for (const auto& [level, text] : std::exchange(news_, {})) log::write(level, text);
    if (!is_applied) {
        return apply_timer_.wait_for(refused_pause, [this] { apply(); });
    }
    changes_ += updates.empty() ? 0 : 1;
    for (const auto& name : std::exchange(changed_, {})) {
        const auto found = services_.find(name);
        if (found != services_.end() && has_all_names(found->second)) {
            find_lost(found->first, found->second);
        }
    }
    tell_deaths();
}

/// What its names have no more, and nobody else of the service has.
void EndpointWatch::find_lost(const std::string& name, const Watched& service) {
    const auto known = listed_.find(name);
    if (known == listed_.end()) return;
    std::set<conf::SocketAddress> listed;
    for (const auto& planned : service.planned) {
        for (const auto& endpoint : current(service, planned).endpoints) {
            listed.insert(address_of(endpoint));
        }
    }
    for (const auto& endpoint : known->second) {
        if (!listed.contains(endpoint)) deaths_.push_back({service.vips(), endpoint, false});
    }
    known->second = std::move(listed);
}

void EndpointWatch::tell_deaths() {
    for (const auto& death : std::exchange(deaths_, {})) {
        died_(death.vips, death.endpoint, death.cut);
    }
}

std::vector<EndpointState> EndpointWatch::states(std::size_t most, std::size_t& left_out) const {
    std::vector<EndpointState> states;
    std::set<std::pair<std::string, conf::SocketAddress>> seen;
    left_out = 0;
    for (const auto& [name, service] : services_) {
        for (const auto& planned : service.planned) {
            const auto route = current(service, planned);
            const auto are_used = used(name, service, route);
            for (std::size_t i = 0; i < route.endpoints.size(); ++i) {
                const auto at = address_of(route.endpoints[i]);
                if (!seen.emplace(name, at).second) continue;
                if (states.size() == most) {
                    ++left_out;
                    continue;
                }
                const auto report = watcher_.report(name, at);
                states.push_back({name, at, report && report->checked, !report || report->alive,
                                  are_used[i], report ? report->reason : std::string{}});
            }
        }
    }
    return states;
}

}  // namespace meshgate::redirect
