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

/// A redirect in the chain of that name. DNS of the machine itself says more than that of networks,
/// which is always captured whole: it comes first in the ruleset.
void add_redirect(std::string_view chain, const Rule& rule, Port port, Summary& summary) {
    if (chain == "inbound") {
        summary.inbound = port;
    } else if (is_dns(rule)) {
        if (!summary.dns) summary.dns = dns_of(rule, port);
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

}  // namespace

Summary summarize(const Ruleset& ruleset) {
    Summary summary;
    summary.families = {Family::ipv4, Family::ipv6};
    for (const Chain& chain : ruleset.chains) {
        leave_out_family(chain, summary.families);
        for (const Rule& rule : chain.rules) {
            if (const auto* redirect = std::get_if<RedirectTo>(&rule.verdict)) {
                add_redirect(chain.name, rule, redirect->port, summary);
            }
        }
    }
    return summary;
}

}  // namespace meshgate::netfilter
