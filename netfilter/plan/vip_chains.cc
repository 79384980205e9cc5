#include "netfilter/plan/vip_chains.h"

#include "netfilter/plan/chains.h"
#include "netfilter/plan/slots.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

namespace meshgate::netfilter {
namespace {

constexpr MatchLoopback not_over_loopback{Device::out, Sense::not_equal};

/// A family and protocol that some VIP is for.
struct Kind {
    Family family;
    Protocol protocol;
};

/// @param port  only those that some VIP has this port of
std::vector<Kind> kinds_of(const Parts& parts, std::optional<Port> port = std::nullopt) {
    std::vector<Kind> kinds;
    for (const Family family : parts.families) {
        for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
            const auto is_of = [&](const VipRoute& route) {
                return route.family == family && route.protocol == protocol &&
                       (!port || route.port == *port);
            };
            if (std::ranges::any_of(parts.vip_routes, is_of)) kinds.push_back({family, protocol});
        }
    }
    return kinds;
}

std::vector<Rule> dnat_rules(const std::vector<Kind>& kinds, SlotChoice choice, std::size_t slots) {
    std::vector<Rule> rules;
    for (const auto& [family, protocol] : kinds) {
        rules.push_back({{},
                         uncounted,
                         DnatToSlot{family, protocol, choice, static_cast<std::uint32_t>(slots),
                                    endpoint_map_name(family, protocol)},
                         ""});
    }
    return rules;
}

Chain drawing_chain(const std::vector<Kind>& kinds, std::size_t draw) {
    Chain chain{random_chain(draw), std::nullopt, {}};
    for (const auto slots : draws_from(draw)) {
        append(chain.rules, dnat_rules(kinds, SlotChoice::random, slots));
    }
    return chain;
}

/// Twice, as draws_from() says.
Chain fixed_chain(std::string name, const std::vector<Kind>& kinds, SlotChoice choice) {
    Chain chain{std::move(name), std::nullopt, dnat_rules(kinds, choice, fixed_slots)};
    append(chain.rules, dnat_rules(kinds, choice, fixed_slots));
    return chain;
}

/// The chains that draw: for more than what is listed now, in steps that are seldom passed, so that
/// an endpoint that is added, or taken off the list, is a change of elements only.
std::vector<Chain> drawing_chains(const Parts& parts, const std::vector<Kind>& kinds) {
    constexpr std::size_t least = 4;
    std::size_t most = 0;
    bool has_names = false;
    for (const auto& route : parts.vip_routes) {
        const auto draw = random_draw(route);
        if (!route.has_named_endpoints) most = std::max(most, draw);
        has_names |= route.has_named_endpoints && draw > 0;
    }
    if (most > 0) most = std::max(std::bit_ceil(most), least);
    std::vector<Chain> chains;
    for (std::size_t draw = 1; draw <= most; draw = draw_for(draw + 1)) {
        chains.push_back(drawing_chain(kinds, draw));
    }
    if (has_names && most < named_slots_max) chains.push_back(drawing_chain(kinds, named_slots_max));
    return chains;
}

/// `ip daddr @vip_addresses4`, without those of the proxy.
std::vector<Match> to_vips(const Parts& parts, const SetCollection::Networks& addresses) {
    const auto to = [&addresses](Sense sense, const SetRef& set) {
        return Match{MatchAddress{MatchAddress::Field::daddr, sense, addresses.family, set}};
    };
    std::vector<Match> matches{to(Sense::equal, addresses.set)};
    for (const auto& proxied : parts.proxy_vips) {
        if (proxied.family == addresses.family) {
            matches.push_back(to(Sense::not_equal, proxied.set));
        }
    }
    return matches;
}

std::vector<Rule> refusals(const std::vector<Match>& who) {
    const std::string why = "a virtual address without an endpoint, or another port of it";
    return {{joined(who, {l4proto({Protocol::tcp})}), own_counter, Reject{.tcp_reset = true}, why},
            {who, own_counter, Reject{.tcp_reset = false}, why}};
}

}  // namespace

void add_vip_maps(const Parts& parts, Ruleset& ruleset) {
    for (const auto& [family, protocol] : kinds_of(parts)) {
        ruleset.class_maps.push_back({class_map_name(family, protocol),
                                      "VIPs and their ports, and how an endpoint is chosen", family,
                                      {}});
        ruleset.endpoint_maps.push_back({endpoint_map_name(family, protocol),
                                         "VIPs, their ports and slots, and the endpoints", family,
                                         protocol,
                                         {}});
    }
    MapFiller filler{ruleset};
    for (const auto& route : parts.vip_routes) filler.add(route, elements_of(route));
    filler.sort();
}

std::vector<Chain> vip_chains(const Parts& parts) {
    if (parts.vip_routes.empty()) return {};
    const auto kinds = kinds_of(parts);
    std::vector<Chain> chains{{no_endpoint_chain, std::nullopt, {}}};
    std::ranges::move(drawing_chains(parts, kinds), std::back_inserter(chains));
    bool by_client = false;
    std::vector<std::string> turns;
    for (const auto& route : parts.vip_routes) {
        by_client |= route.balance == conf::Balance::client_hash;
        if (!route.turn_chain.empty() && (turns.empty() || turns.back() != route.turn_chain)) {
            turns.push_back(route.turn_chain);
        }
    }
    if (by_client) chains.push_back(fixed_chain(client_chain, kinds, SlotChoice::by_client));
    for (const auto& name : turns) chains.push_back(fixed_chain(name, kinds, SlotChoice::in_turn));
    return chains;
}

std::vector<Rule> vip_rules(const Parts& parts, const std::vector<Match>& from,
                            std::optional<Family> family) {
    std::vector<Rule> rules;
    for (const auto& kind : kinds_of(parts)) {
        if (family && kind.family != *family) continue;
        rules.push_back({from, uncounted,
                         ToClass{kind.family, kind.protocol,
                                 class_map_name(kind.family, kind.protocol)},
                         "virtual addresses go to an endpoint"});
    }
    for (const auto& addresses : parts.vip_addresses) {
        if (family && addresses.family != *family) continue;
        rules.push_back({joined(from, to_vips(parts, addresses)), uncounted, Return{},
                         "no endpoint: refused once no other chain translates it"});
    }
    return rules;
}

std::vector<Rule> vip_dns_rules(const Parts& parts, const std::vector<Match>& from,
                                std::optional<Family> family) {
    std::vector<Rule> rules;
    if (!parts.config.redirect.dns.enabled && !parts.outbound_could_take_dns()) return rules;
    for (const auto& kind : kinds_of(parts, dns_port.first)) {
        if (family && kind.family != *family) continue;
        rules.push_back({joined(from, {l4proto({kind.protocol}), MatchDport{dns_port}}), uncounted,
                         ToClass{kind.family, kind.protocol,
                                 class_map_name(kind.family, kind.protocol)},
                         "a service on port 53 is reached by its own address"});
    }
    return rules;
}

std::vector<Chain> vip_refusal_chains(const Parts& parts) {
    if (!parts.has_vips()) return {};
    Chain output{"vip_refusal", BaseChain{ChainType::filter, Hook::output, output_refusal_priority},
                 family_rules(parts)};
    for (const auto& addresses : parts.vip_addresses) {
        append(output.rules, refusals(to_vips(parts, addresses)));
    }
    std::vector<Chain> chains{std::move(output)};
    if (parts.networks.empty()) return chains;
    Chain networks{"network_vip_refusal",
                   BaseChain{ChainType::filter, Hook::prerouting, network_refusal_priority},
                   family_rules(parts)};
    for (const auto& network : parts.networks) {
        for (const auto& addresses : parts.vip_addresses) {
            if (addresses.family != network.family) continue;
            append(networks.rules, refusals(joined(network.from, to_vips(parts, addresses))));
        }
    }
    chains.push_back(std::move(networks));
    return chains;
}

std::vector<Chain> vip_source_chains(const Parts& parts) {
    // Without a service too: rules that need conntrack are what it runs for, and the connections of a
    // service that was the last one are translated only while it does.
    if (!parts.has_vips()) return {};
    Chain chain{"vip_source", BaseChain{ChainType::nat, Hook::postrouting, source_priority},
                family_rules(parts)};
    for (const auto& addresses : parts.vip_addresses) {
        const MatchOriginalDestination meant_for_vip{addresses.family, addresses.set};
        chain.rules.push_back({{not_over_loopback, meant_for_vip,
                                MatchLocalSource{false, Sense::equal},
                                MatchLocalSource{true, Sense::not_equal}},
                               own_counter,
                               Masquerade{},
                               "the source was chosen for the way to the virtual address"});
        for (const auto& network : parts.networks) {
            if (network.family != addresses.family) continue;
            auto matches = network.from;
            const auto& in = std::get<MatchInterface>(matches.front());
            matches.emplace_back(MatchInterface{Device::out, in.name});
            matches.emplace_back(meant_for_vip);
            chain.rules.push_back({std::move(matches), own_counter, Masquerade{},
                                   "the endpoint would answer its neighbour directly"});
        }
    }
    return {std::move(chain)};
}

}  // namespace meshgate::netfilter
