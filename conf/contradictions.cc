#include "conf/contradictions.h"

#include <algorithm>
#include <map>
#include <set>

namespace meshgate::conf {
namespace {

class Contradictions {
public:
    void add(std::string key, std::string message, Location where = {}) {
        found_.push_back({std::move(key), {std::move(where), std::move(message)}});
    }
    std::vector<Contradiction> take() { return std::move(found_); }

private:
    std::vector<Contradiction> found_;
};

/// The proxy's port is no service of its own: who excludes it means another one.
void check_own_port(const Inbound& inbound, Contradictions& found) {
    for (const PortRange& range : inbound.exclude_ports) {
        if (!inbound.enabled || inbound.port < range.first || inbound.port > range.last) continue;
        found.add("redirect.inbound.exclude_ports",
                  "'redirect.inbound.exclude_ports' has " + std::to_string(inbound.port) +
                      ", which is 'redirect.inbound.port': the proxy's own port cannot be "
                      "excluded");
        return;
    }
}

void check_ports(const Redirect& redirect, Contradictions& found) {
    const auto both = [&found](const std::string& direction, const auto& include,
                               const auto& exclude) {
        if (include.empty() || exclude.empty()) return;
        const std::string key = "redirect." + direction + ".include_ports";
        found.add(key, "'" + key + "' and 'redirect." + direction +
                           ".exclude_ports' contradict each other: use one");
    };
    both("inbound", redirect.inbound.include_ports, redirect.inbound.exclude_ports);
    both("outbound", redirect.outbound.include_ports, redirect.outbound.exclude_ports);

    check_own_port(redirect.inbound, found);

    struct Listener {
        const char* key;
        bool enabled;
        Port port;
    };
    const Listener listeners[] = {
        {"redirect.inbound.port", redirect.inbound.enabled, redirect.inbound.port},
        {"redirect.outbound.port", redirect.outbound.enabled, redirect.outbound.port},
        {"redirect.dns.port", redirect.dns.enabled, redirect.dns.port}};
    std::map<Port, const char*> seen;
    for (const Listener& listener : listeners) {
        if (!listener.enabled) continue;
        const auto [other, fresh] = seen.emplace(listener.port, listener.key);
        if (fresh) continue;
        found.add(listener.key, "'" + std::string{other->second} + "' and '" + listener.key +
                                    "' are both " + std::to_string(listener.port));
    }
}

bool is_root(const UserRef& user) {
    if (const auto* name = std::get_if<std::string>(&user.who)) return *name == "root";
    return std::get<UidRange>(user.who).first == 0;
}

void check_proxy(const Config& config, Contradictions& found) {
    if (config.proxy.enabled) {
        for (const UserRef& user : config.proxy.user) {
            if (is_root(user)) found.add("proxy.user", root_proxy, user.where);
        }
        return;
    }
    const auto off = [&found](const std::string& direction, bool enabled) {
        const std::string key = "redirect." + direction + ".enabled";
        if (!enabled) return;
        found.add(key, "'" + key + "' cannot be true without a proxy ('proxy.enabled' is false)");
    };
    off("inbound", config.redirect.inbound.enabled);
    off("outbound", config.redirect.outbound.enabled);
}

void check_pins(const Config& config, Contradictions& found) {
    std::map<IpAddress, const Service*> pins;
    for (const Service& service : config.services) {
        for (const auto& pin : {service.address4, service.address6}) {
            if (!pin) continue;
            const auto [other, fresh] = pins.emplace(*pin, &service);
            if (fresh) continue;
            found.add("service.address",
                      "'service.address': " + pin->to_string() + " is already the address of '" +
                          other->second->name + "' (" + other->second->where.to_string() + ")",
                      service.where);
        }
    }
}

/// An IPv6 address that travels as such: not ::ffff:a.b.c.d, which is IPv4.
bool has_vip6(const Config& config, const Service& service) {
    if (config.redirect.ip_family == IpFamilyMode::ipv4) return false;
    if (service.address6) return !service.address6->unmapped();
    return config.vip.ipv6_mode == VipIpv6::native;
}

/// 127.0.0.0/8 and ::1 too, unlike a VIP.
bool can_be_endpoint(const IpAddress& address) {
    return address.is_loopback() || address.can_be_virtual();
}

/// What the kernel translates, or refuses: it does not do so twice for one connection.
class KernelVips {
public:
    explicit KernelVips(const Config& config) {
        for (const Service& service : config.services) {
            if (!config.vip.is_via_kernel(service)) continue;
            for (const auto& pin : {service.address4, service.address6}) {
                if (pin) pins_.insert(*pin);
            }
        }
        if (config.vip.mode != VipMode::kernel) return;
        ranges_ = vip_ranges4(config);
        if (config.vip.ipv6) ranges_.push_back(*config.vip.ipv6);
    }

    [[nodiscard]] bool contain(const IpAddress& address) const {
        return pins_.contains(address) || std::ranges::any_of(ranges_, [&address](const Cidr& one) {
                   return one.contains(address);
               });
    }

private:
    std::set<IpAddress> pins_;
    std::vector<Cidr> ranges_;
};

void check_endpoint_families(const Config& config, const Service& service,
                             const KernelVips& vips, Contradictions& found) {
    for (const Endpoint& endpoint : service.endpoints) {
        const auto address = IpAddress::parse(endpoint.host);
        if (!address) continue;
        const auto complain = [&](const std::string& only, const std::string& remedy) {
            found.add("service.endpoints",
                      "'service.endpoints': " + address->to_string() + " cannot be reached: service '" +
                          service.name + "' has an " + only +
                          " address only, which the kernel translates within its family; " + remedy,
                      endpoint.where);
        };
        if (address->family() == Family::ipv6 && !has_vip6(config, service)) {
            complain("IPv4", "set 'vip.ipv6' to a range such as \"fd00:fd00::/64\", or give its "
                             "IPv4 address");
        } else if (address->family() == Family::ipv4 &&
                   config.redirect.ip_family == IpFamilyMode::ipv6) {
            complain("IPv6", "'redirect.ip_family' leaves IPv4 alone");
        } else if (!can_be_endpoint(*address)) {
            found.add("service.endpoints",
                      "'service.endpoints': " + address->to_string() +
                          " is no address that connections can go to",
                      endpoint.where);
        } else if (vips.contain(*address)) {
            found.add("service.endpoints",
                      "'service.endpoints': " + address->to_string() +
                          " is a virtual address, to which the kernel sends nothing on: give the "
                          "address of a server, or that service's own endpoints",
                      endpoint.where);
        }
    }
}

void check_vips(const Config& config, Contradictions& found) {
    bool any = config.vip.mode == VipMode::kernel;
    const KernelVips vips{config};
    for (const Service& service : config.services) {
        if (!config.vip.is_via_kernel(service)) continue;
        any = true;
        check_endpoint_families(config, service, vips, found);
    }
    const std::string key = config.vip.mode == VipMode::kernel ? "vip.mode" : "service.via";
    if (any && config.redirect.engine == Engine::iptables) {
        found.add("redirect.engine", "'redirect.engine' cannot be \"iptables\" with '" + key +
                                         "' \"kernel\": only nftables can translate virtual "
                                         "addresses");
    }
    if (config.vip.mode == VipMode::kernel && config.feed.kuma) {
        found.add("vip.mode",
                  "'vip.mode' cannot be \"kernel\" with '[feed.kuma]': its addresses are the "
                  "proxy's; give single services via = \"kernel\" instead",
                  config.vip.where);
    }
}

/// What is ended here is never asked elsewhere; parts of it may be.
void check_forwards(const Config& config, Contradictions& found) {
    for (const Forward& forward : config.dns.forwards) {
        const auto& domains = config.mesh.domains;
        if (std::find(domains.begin(), domains.end(), forward.suffix) == domains.end()) continue;
        found.add("dns.forward.suffix",
                  "'dns.forward.suffix': '" + forward.suffix +
                      "' is a domain of 'mesh.domains', which are answered here",
                  forward.where);
    }
}

}  // namespace

std::vector<Contradiction> find_contradictions(const Config& config) {
    Contradictions found;
    check_ports(config.redirect, found);
    check_proxy(config, found);
    check_pins(config, found);
    check_vips(config, found);
    check_forwards(config, found);
    return found.take();
}

std::vector<Diagnostic> contradictions(const Config& config) {
    std::vector<Diagnostic> diagnostics;
    for (Contradiction& contradiction : find_contradictions(config)) {
        diagnostics.push_back(std::move(contradiction.diagnostic));
    }
    return diagnostics;
}

}  // namespace meshgate::conf
