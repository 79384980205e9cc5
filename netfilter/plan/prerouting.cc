#include "netfilter/plan/chains.h"

namespace meshgate::netfilter {
namespace {

constexpr MatchLoopback not_from_loopback{Device::in, Sense::not_equal};

/// All of their questions, whatever servers resolv_conf of this machine names: theirs are others.
void append_network_dns(std::vector<Rule>& rules, const Parts& parts) {
    const auto& dns = parts.config.redirect.dns;
    for (const auto& network : parts.networks) {
        append(rules, vip_dns_rules(parts, network.from, network.family));
    }
    append(rules, open_dns_rules(parts));
    if (dns.enabled) {
        for (const auto& network : parts.networks) {
            rules.push_back(send_to(dns.port, joined(network.from, parts.dns_match()),
                                    cause::captured_dns,
                                    "DNS of these clients goes to the mesh resolver"));
        }
    }
    if (parts.outbound_could_take_dns() && !parts.captures_dns(Protocol::tcp)) {
        rules.push_back(leave_alone({l4proto({Protocol::tcp}), MatchDport{dns_port}},
                                    cause::exempt_port,
                                    "TCP DNS that is not captured goes direct, never to the "
                                    "proxy"));
    }
}

void append_network_tcp(std::vector<Rule>& rules, const Parts& parts) {
    const auto& outbound = parts.config.redirect.outbound;
    if (parts.excluded_ports) {
        rules.push_back(leave_alone({l4proto({Protocol::tcp}), MatchDport{*parts.excluded_ports}},
                                    cause::exempt_port, "redirect.outbound.exclude_ports"));
    }
    for (const auto& network : parts.networks) {
        append(rules, vip_rules(parts, network.from, network.family));
    }
    if (!outbound.enabled) return;
    for (const auto& network : parts.networks) {
        auto matches = network.from;
        matches.emplace_back(MatchAddress{MatchAddress::Field::daddr, Sense::not_equal,
                                          network.family, network.clients});
        matches.emplace_back(l4proto({Protocol::tcp}));
        if (parts.included_ports) matches.emplace_back(MatchDport{*parts.included_ports});
        rules.push_back(send_to(outbound.port, std::move(matches), cause::captured_outbound,
                                "what these clients send elsewhere goes to the proxy"));
    }
}

}  // namespace

std::vector<Chain> drop_invalid_chains(const Parts& parts) {
    if (!parts.config.redirect.drop_invalid) return {};
    Chain chain{"mangle_prerouting",
                BaseChain{ChainType::filter, Hook::prerouting, mangle_priority},
                family_rules(parts)};
    chain.rules.push_back({{not_from_loopback, l4proto({Protocol::tcp}), MatchInvalid{}},
                           std::string{cause::invalid_dropped},
                           Drop{},
                           "it would pass by the translation and be answered by a reset"});
    return {std::move(chain)};
}

std::vector<Chain> network_chains(const Parts& parts) {
    if (parts.networks.empty()) return {};
    Chain chain{"networks", BaseChain{ChainType::nat, Hook::prerouting, network_priority},
                family_rules(parts)};
    append(chain.rules, parts.excluded_destinations);
    append_network_dns(chain.rules, parts);
    append_network_tcp(chain.rules, parts);
    return {std::move(chain)};
}

std::vector<Chain> inbound_chains(Parts& parts) {
    const auto& inbound = parts.config.redirect.inbound;
    if (!inbound.enabled) return {};
    const int priority = inbound.insert ? first_inbound_priority : inbound_priority;
    Chain chain{"inbound", BaseChain{ChainType::nat, Hook::prerouting, priority},
                family_rules(parts)};
    const std::string sources = "redirect.inbound.exclude_sources";
    for (const auto& [family, set] : parts.sets.networks("excluded_sources", sources,
                                                         inbound.exclude_sources, parts.families)) {
        chain.rules.push_back(
            leave_alone({MatchAddress{MatchAddress::Field::saddr, Sense::equal, family, set}},
                        cause::exempt_address, sources));
    }
    const std::string excluded = "redirect.inbound.exclude_ports";
    if (const auto set =
            parts.sets.ports("excluded_inbound_ports", excluded, inbound.exclude_ports)) {
        chain.rules.push_back(leave_alone({l4proto({Protocol::tcp}), MatchDport{*set}},
                                          cause::exempt_port, excluded));
    }
    std::vector<Match> matches{not_from_loopback, l4proto({Protocol::tcp})};
    if (const auto set = parts.sets.ports(
            "included_inbound_ports", "redirect.inbound.include_ports", inbound.include_ports)) {
        matches.emplace_back(MatchDport{*set});
    }
    matches.emplace_back(MatchLocalDestination{});
    chain.rules.push_back(
        send_to(inbound.port, std::move(matches), cause::captured_inbound,
                "TCP to this machine goes to the proxy; what it forwards does not"));
    return {std::move(chain)};
}

}  // namespace meshgate::netfilter
