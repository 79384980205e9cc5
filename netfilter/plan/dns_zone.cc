#include "netfilter/plan/chains.h"

namespace meshgate::netfilter {
namespace {

const std::string zone_comment = "a zone of its own: no NAT is inherited from a re-used port";

Rule zone_rule(const Parts& parts, std::vector<Match> matches) {
    return {std::move(matches), uncounted,
            OriginalZone{parts.config.redirect.dns.conntrack_zone}, zone_comment};
}

/// What the NAT chains decide in the same way is counted there.
void append_uncounted(std::vector<Rule>& rules, std::vector<Rule> more) {
    for (Rule& rule : more) {
        rule.counter = uncounted;
        rules.push_back(std::move(rule));
    }
}

/// A base chain that hands UDP questions to `zone`: all other packets meet one rule.
Chain entry(const Parts& parts, std::string name, Hook hook, const Chain& zone) {
    Chain chain{std::move(name), BaseChain{ChainType::filter, hook, raw_priority},
                family_rules(parts)};
    chain.rules.push_back({{l4proto({Protocol::udp}), MatchDport{dns_port}},
                           uncounted,
                           Jump{zone.name},
                           "before conntrack sees the question"});
    return chain;
}

/// The matches of output's DNS capture, and the exemptions before it, for what is UDP/53 already.
Chain output_zone(const Parts& parts) {
    Chain zone{"dns_zone", std::nullopt, {}};
    for (const auto& exclusion : parts.exclusions) {
        if (exclusion.covers_udp_dns) append_uncounted(zone.rules, {exclusion.rule});
    }
    append_uncounted(zone.rules, parts.excluded_destinations);
    append(zone.rules, open_dns_rules(parts));
    append_uncounted(zone.rules, exempt_dns_rules(parts));
    for (const auto& server : parts.dns_servers) zone.rules.push_back(zone_rule(parts, server));
    return zone;
}

Chain network_zone(const Parts& parts) {
    Chain zone{"network_dns_zone", std::nullopt, {}};
    append_uncounted(zone.rules, parts.excluded_destinations);
    append(zone.rules, open_dns_rules(parts));
    for (const auto& network : parts.networks) {
        zone.rules.push_back(zone_rule(parts, network.from));
    }
    return zone;
}

}  // namespace

std::vector<Chain> dns_zone_chains(const Parts& parts) {
    std::vector<Chain> chains;
    const bool zone_wanted = parts.config.redirect.dns.conntrack_zone != 0;
    if (!parts.captures_dns(Protocol::udp) || !zone_wanted) return chains;
    if (!parts.dns_servers.empty()) {
        const auto zone = output_zone(parts);
        chains.push_back(zone);
        chains.push_back(entry(parts, "raw_output", Hook::output, zone));
    }
    if (!parts.networks.empty()) {
        const auto zone = network_zone(parts);
        chains.push_back(zone);
        chains.push_back(entry(parts, "raw_prerouting", Hook::prerouting, zone));
    }
    return chains;
}

}  // namespace meshgate::netfilter
