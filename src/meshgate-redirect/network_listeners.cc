#include "src/meshgate-redirect/network_listeners.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

namespace meshgate::redirect {
namespace {

using conf::Family;
using conf::Protocol;

bool is_wildcard(std::string_view name) {
    return name.ends_with('+') || name.ends_with('*');
}

bool is_of(conf::IpFamilyMode mode, Family family) {
    if (mode == conf::IpFamilyMode::dualstack) return true;
    return (mode == conf::IpFamilyMode::ipv4) == (family == Family::ipv4);
}

std::set<Family> families_of(const conf::Network& network, conf::IpFamilyMode mode) {
    std::set<Family> families;
    for (const auto& cidr : network.cidrs) {
        if (is_of(mode, cidr.base.family())) families.insert(cidr.base.family());
    }
    return families;
}

const char* name_of(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

const char* wildcard_of(Family family) {
    return family == Family::ipv4 ? "0.0.0.0" : "[::]";
}

/// dns.listen has an entry where the clients of `network` are redirected to.
bool is_heard(const conf::Config& config, const conf::Network& network, Family family,
              const std::vector<InterfaceAddress>& addresses) {
    const auto is_there = [&](const conf::IpAddress& at) {
        if (at.family() != family || at.is_loopback()) return false;
        return at.is_unspecified() ||
               std::ranges::any_of(network.cidrs,
                                   [&at](const conf::Cidr& cidr) { return cidr.contains(at); }) ||
               std::ranges::any_of(addresses, [&](const InterfaceAddress& one) {
                   return one.address == at && matches_interface(network.interface, one.interface);
               });
    };
    return std::ranges::any_of(config.dns.listen, [&](const conf::Listen& listen) {
        if (const auto* interface = std::get_if<conf::InterfacePort>(&listen)) {
            return interface->port == config.redirect.dns.port &&
                   matches_interface(network.interface, interface->interface);
        }
        const auto& address = std::get<conf::SocketAddress>(listen);
        return address.port == config.redirect.dns.port && is_there(address.address);
    });
}

class Search {
public:
    Search(const conf::Redirect& redirect, const std::vector<InterfaceAddress>& addresses,
           const Waiting& waiting)
        : redirect_(redirect), addresses_(addresses), waiting_(waiting) {}

    std::vector<std::string> run() {
        for (const auto& network : redirect_.networks) {
            bool found = false;
            for (const auto& interface : interfaces()) {
                if (!matches_interface(network.interface, interface)) continue;
                found = true;
                for (const auto family : families_of(network, redirect_.ip_family)) {
                    look_at(interface, family);
                }
            }
            if (!found) {
                add("redirect.network: there is no interface " + network.interface +
                    " with an address");
            }
        }
        return std::move(lines_);
    }

private:
    std::set<std::string> interfaces() const {
        std::set<std::string> names;
        for (const auto& one : addresses_) names.insert(one.interface);
        return names;
    }

    void add(std::string line) {
        if (std::ranges::find(lines_, line) == lines_.end()) lines_.push_back(std::move(line));
    }

    void look_at(const std::string& interface, Family family) {
        const auto target = redirect_target(interface, family, addresses_);
        if (!target) {
            add(interface + " has no " + name_of(family) +
                " address: what is captured from its clients is dropped until it has one");
            return;
        }
        const auto where = interface + " (" + target->to_string() + ")";
        const auto wildcard = wildcard_of(family);
        for (const Protocol protocol : dns_protocols()) {
            const auto port = std::to_string(redirect_.dns.port);
            check(protocol, redirect_.dns.port, *target, where,
                  ": DNS of its clients is refused until somebody does ([dns] listen = \"" +
                      interface + ":" + port + "\" or \"" + wildcard + ":" + port + "\")");
        }
        if (redirect_.outbound.enabled) {
            check(Protocol::tcp, redirect_.outbound.port, *target, where,
                  ": TCP of its clients is refused until the proxy does, there or at " +
                      std::string{wildcard});
        }
    }

    std::vector<Protocol> dns_protocols() const {
        return redirect_.dns.enabled ? redirect_.dns.protocols : std::vector<Protocol>{};
    }

    /// Nobody anywhere at that port has a warning of its own.
    void check(Protocol protocol, conf::Port port, const conf::IpAddress& target,
               const std::string& where, const std::string& consequence) {
        const bool tcp = protocol == Protocol::tcp;
        bool anywhere = false;
        for (const auto& socket : tcp ? waiting_.tcp : waiting_.udp) {
            if (socket.port != port) continue;
            if (socket.waits_at(target)) return;
            anywhere = true;
        }
        if (!anywhere) return;
        add(std::string{"nobody listens on "} + (tcp ? "TCP" : "UDP") + " port " +
            std::to_string(port) + " of " + where + consequence);
    }

    const conf::Redirect& redirect_;
    const std::vector<InterfaceAddress>& addresses_;
    const Waiting& waiting_;
    std::vector<std::string> lines_;
};

}  // namespace

bool matches_interface(std::string_view pattern, std::string_view name) {
    if (!is_wildcard(pattern)) return pattern == name;
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::optional<conf::IpAddress> redirect_target(const std::string& interface, Family family,
                                               const std::vector<InterfaceAddress>& addresses) {
    std::optional<conf::IpAddress> target;
    for (const auto& one : addresses) {
        if (one.interface != interface || one.address.family() != family) continue;
        if (!target) target = one.address;
        if (family == Family::ipv4) break;
        if (target->is_link_local() && !one.address.is_link_local()) target = one.address;
    }
    return target;
}

std::vector<std::string> unheard_networks(const conf::Config& config,
                                          const std::vector<InterfaceAddress>& addresses) {
    std::vector<std::string> lines;
    if (!config.redirect.dns.enabled) return lines;
    const auto port = std::to_string(config.redirect.dns.port);
    for (const auto& network : config.redirect.networks) {
        for (const auto family : families_of(network, config.redirect.ip_family)) {
            if (is_heard(config, network, family, addresses)) continue;
            const auto wildcard = std::string{"\""} + wildcard_of(family) + ":" + port + "\"";
            const auto words = is_wildcard(network.interface)
                                   ? wildcard
                                   : "\"" + network.interface + ":" + port + "\" or " + wildcard;
            lines.push_back(network.where.to_string() + ": captured " + name_of(family) +
                            " DNS of " + network.interface +
                            " does not reach meshgate-dns: 'dns.listen' needs " + words);
        }
    }
    return lines;
}

std::vector<std::string> missing_network_listeners(const conf::Redirect& redirect,
                                                   const std::vector<InterfaceAddress>& addresses,
                                                   const Waiting& waiting) {
    if (!redirect.dns.enabled && !redirect.outbound.enabled) return {};
    return Search{redirect, addresses, waiting}.run();
}

}  // namespace meshgate::redirect
