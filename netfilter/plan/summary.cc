#include "netfilter/plan/summary.h"

#include "netfilter/plan/parts.h"

#include <algorithm>
#include <string_view>

namespace meshgate::netfilter {
namespace {

template <class Wanted>
const Wanted* find(const Rule& rule) {
    for (const Match& match : rule.matches) {
        if (const auto* found = std::get_if<Wanted>(&match)) return found;
    }
    return nullptr;
}

bool is_dns(const Rule& rule) {
    const auto* dport = find<MatchDport>(rule);
    return dport != nullptr && dport->ports == std::variant<PortRange, SetRef>{dns_port};
}

Summary::Dns dns_of(const Rule& rule, Port port) {
    const auto* l4proto = find<MatchL4Proto>(rule);
    const auto* address = find<MatchAddress>(rule);
    const bool one_server = address != nullptr && address->field == MatchAddress::Field::daddr;
    auto protocols = l4proto == nullptr ? std::vector<Protocol>{} : l4proto->protocols;
    std::ranges::sort(protocols, std::greater{});  // "udp" first, as DNS is spoken
    return {port, one_server ? conf::DnsCaptureMode::resolv_conf : conf::DnsCaptureMode::all,
            std::move(protocols)};
}

/// iptables has a rule for each protocol.
void add_dns(Summary::Dns more, std::optional<Summary::Dns>& dns) {
    if (!dns) {
        dns = std::move(more);
        return;
    }
    for (const Protocol protocol : more.protocols) {
        if (std::ranges::find(dns->protocols, protocol) == dns->protocols.end()) {
            dns->protocols.push_back(protocol);
        }
    }
    std::ranges::sort(dns->protocols, std::greater{});
}

/// A redirect in the chain of that name.
void add_redirect(std::string_view chain, const Rule& rule, Port port, Summary& summary) {
    if (chain == "inbound") {
        summary.inbound = port;
    } else if (is_dns(rule)) {
        add_dns(dns_of(rule, port), summary.dns);
    } else if (find<MatchSkuid>(rule) == nullptr) {  // else the proxy's self-call
        summary.outbound = port;
    }
}

void leave_out_family(const Chain& chain, std::vector<Family>& families) {
    if (chain.rules.empty() || !std::holds_alternative<Return>(chain.rules.front().verdict)) return;
    const auto& matches = chain.rules.front().matches;
    if (matches.size() != 1) return;
    if (const auto* family = std::get_if<MatchFamily>(&matches.front())) {
        std::erase(families, family->family);
    }
}

void add_chain(const Chain& chain, Summary& summary) {
    for (const Rule& rule : chain.rules) {
        if (const auto* redirect = std::get_if<RedirectTo>(&rule.verdict)) {
            add_redirect(chain.name, rule, redirect->port, summary);
        }
    }
}

/// That of iptables has rules for each family by itself.
bool is_only_for_the_other(const Ruleset& ruleset, Family family) {
    bool is_for_other = false;
    for (const Chain& chain : ruleset.chains) {
        for (const Rule& rule : chain.rules) {
            const auto* match = find<MatchFamily>(rule);
            if (match == nullptr || match->family == family) return false;
            is_for_other = true;
        }
    }
    return is_for_other;
}

}  // namespace

Summary summarize(const Ruleset& ruleset) {
    Summary summary;
    summary.families = {Family::ipv4, Family::ipv6};
    for (const Chain& chain : ruleset.chains) leave_out_family(chain, summary.families);
    std::erase_if(summary.families,
                  [&](Family family) { return is_only_for_the_other(ruleset, family); });
    // DNS of the machine itself says more than that of networks, which is always captured whole.
    const auto is_networks = [](const Chain& chain) { return chain.name == "networks"; };
    for (const Chain& chain : ruleset.chains) {
        if (!is_networks(chain)) add_chain(chain, summary);
    }
    const auto own_dns = summary.dns;
    for (const Chain& chain : ruleset.chains) {
        if (is_networks(chain)) add_chain(chain, summary);
    }
    if (own_dns) summary.dns = own_dns;
    return summary;
}

}  // namespace meshgate::netfilter
