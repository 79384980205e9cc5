#include "netfilter/plan/plan.h"

#include "netfilter/plan/chains.h"
#include "netfilter/plan/parts.h"
#include "netfilter/plan/vip_chains.h"

#include <algorithm>
#include <iterator>

namespace meshgate::netfilter {
namespace {

/// A line for each captured connection: chains of type nat see first packets only.
void log_redirects(Ruleset& ruleset, const std::string& prefix) {
    for (Chain& chain : ruleset.chains) {
        for (Rule& rule : chain.rules) {
            if (std::holds_alternative<RedirectTo>(rule.verdict)) rule.log_prefix = prefix;
        }
    }
}

Ruleset make_ruleset(Parts& parts) {
    Ruleset ruleset;
    const auto add = [&ruleset](std::vector<Chain> chains) {
        std::ranges::move(chains, std::back_inserter(ruleset.chains));
    };
    add(dns_zone_chains(parts));
    add(drop_invalid_chains(parts));
    add(vip_chains(parts));
    add(output_chains(parts));
    add(network_chains(parts));
    add(inbound_chains(parts));
    add(vip_refusal_chains(parts));
    add(vip_source_chains(parts));
    ruleset.sets = parts.sets.take();
    ruleset.counters = used_counters(ruleset.chains);
    add_vip_maps(parts, ruleset);
    log_redirects(ruleset, parts.config.redirect.log_prefix);
    return ruleset;
}

/// A VIP is no address of any machine: connect() to one fails before any hook unless there is some
/// route to it.
Surroundings make_surroundings(const Parts& parts) {
    const auto& config = parts.config;
    Surroundings surroundings;
    surroundings.inbound_passthrough_address6 =
        config.redirect.inbound.enabled && parts.has_family(Family::ipv6);
    surroundings.translated = parts.has_vips();
    if (!config.redirect.outbound.enabled && !parts.has_vips()) return surroundings;
    if (parts.has_family(Family::ipv4)) surroundings.local_routes = conf::vip_ranges4(config);
    if (parts.has_family(Family::ipv6) && config.vip.ipv6) {
        surroundings.local_routes.push_back(*config.vip.ipv6);
    }
    for (const auto& route : parts.vip_routes) {
        const Cidr host{route.address,
                        static_cast<std::uint8_t>(route.address.bytes().size() * 8)};
        if (std::ranges::none_of(surroundings.local_routes, [&host](const Cidr& range) {
                return range.contains(host);
            })) {
            surroundings.local_routes.push_back(host);
        }
    }
    return surroundings;
}

/// A connection from elsewhere is not delivered to a loopback address (net.ipv4 route_localnet).
void note_unreachable_endpoints(const Parts& parts, std::vector<std::string>& notices) {
    if (parts.networks.empty()) return;
    for (const auto& service : parts.host.vips) {
        for (const auto& endpoint : service.endpoints) {
            if (!endpoint.address.is_loopback()) continue;
            notices.push_back("service '" + service.name + "': clients of redirect.network cannot "
                              "reach its endpoint " + endpoint.address.to_string() +
                              ": give it another address of this machine");
        }
    }
}

void note_named_endpoints(const Parts& parts, std::vector<std::string>& notices) {
    std::size_t count = 0;
    for (const auto& service : parts.host.vips) count += service.has_named_endpoints ? 1 : 0;
    if (count == 0) return;
    notices.push_back(std::to_string(count) +
                      (count == 1 ? " service has" : " services have") +
                      " endpoints by host name: they get connections while meshgate-redirect guard "
                      "runs, which looks the names up");
}

void note_missing_servers(const Parts& parts, std::vector<std::string>& notices) {
    const auto& file = parts.config.resolv_conf;
    for (const Family family : parts.families) {
        const bool has_one =
            std::ranges::any_of(parts.host.nameservers, [family](const auto& server) {
                return server.address.family() == family;
            });
        if (has_one) continue;
        const std::string name = family == Family::ipv4 ? "IPv4" : "IPv6";
        notices.push_back("no " + name + " nameserver in " + file + ": " + name +
                          " DNS is not captured");
    }
}

bool is_ours(const conf::Config& config, const conf::SocketAddress& server) {
    return std::ranges::any_of(config.dns.listen, [&server](const conf::Listen& listen) {
        const auto* address = std::get_if<conf::SocketAddress>(&listen);
        return address != nullptr && *address == server;
    });
}

std::string users_words(const std::vector<Uid>& users) {
    std::string words;
    for (const Uid user : users) words += (words.empty() ? "" : ", ") + std::to_string(user);
    return words;
}

/// Captured questions of a resolver on this machine come back to it, by way of ours.
void note_local_resolvers(const Parts& parts, std::vector<std::string>& notices) {
    if (!parts.local_resolvers_must_be_spared()) return;
    for (const auto& resolver : parts.host.local_resolvers) {
        const bool answered_by_us = is_ours(parts.config, {resolver.address, 53, ""});
        const bool exempt =
            !resolver.users.empty() && std::ranges::all_of(resolver.users, [&parts](Uid user) {
                return parts.is_exempt(user);
            });
        if (answered_by_us || exempt) continue;
        auto notice = "nameserver " + resolver.address.to_string() + " is ";
        if (resolver.users.empty()) {
            notice += "on this machine, and nobody answers there: install again when somebody "
                      "does, or have its user in proxy.exempt_users, for its own questions come "
                      "back to it otherwise";
        } else {
            const bool is_root = resolver.users == std::vector<Uid>{0};
            notice += (resolver.program.empty() ? "a resolver" : resolver.program) +
                      " on this machine: DNS queries " +
                      (is_root ? "that root sends to other machines"
                               : "of its user (" + users_words(resolver.users) + ")") +
                      " are not captured";
        }
        notices.push_back(std::move(notice));
    }
}

void note_link_local_servers(const Parts& parts, std::vector<std::string>& notices) {
    for (const auto& server : parts.host.nameservers) {
        if (server.scope.empty() || !parts.has_family(server.address.family())) continue;
        notices.push_back("nameserver " + server.address.to_string() + "%" + server.scope +
                          " is link-local: the kernel may not bring back the answers to captured "
                          "questions to it");
    }
}

std::vector<std::string> make_notices(const Parts& parts, const Ruleset& ruleset) {
    std::vector<std::string> notices;
    if (parts.config.redirect.dns.enabled) {
        note_local_resolvers(parts, notices);
        if (parts.config.redirect.dns.capture == conf::DnsCaptureMode::resolv_conf) {
            note_missing_servers(parts, notices);
        }
        note_link_local_servers(parts, notices);
    }
    note_unreachable_endpoints(parts, notices);
    note_named_endpoints(parts, notices);
    if (ruleset.chains.empty()) {
        notices.emplace_back("nothing is captured: inbound, outbound and DNS are off");
    }
    return notices;
}

}  // namespace

Plan plan(const conf::Config& config, const Host& host) {
    Parts parts = make_parts(config, host);
    Plan plan{
        .ruleset = make_ruleset(parts), .surroundings = make_surroundings(parts), .notices = {}};
    plan.notices = make_notices(parts, plan.ruleset);
    return plan;
}

}  // namespace meshgate::netfilter
