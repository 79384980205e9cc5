#include "conf/contradictions.h"

#include <algorithm>
#include <map>

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
