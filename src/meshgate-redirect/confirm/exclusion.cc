#include "src/meshgate-redirect/confirm/exclusion.h"

#include <algorithm>
#include <array>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

constexpr const char* spared_comment = "install --confirm: this session's port, until it is confirmed";

bool covers(const PortRange& range, conf::Port port) {
    return range.first <= port && port <= range.last;
}

bool covers(const Ruleset& ruleset, const MatchDport& match, conf::Port port) {
    if (const auto* range = std::get_if<PortRange>(&match.ports)) return covers(*range, port);
    const auto& name = std::get<SetRef>(match.ports).name;
    const auto set = std::ranges::find(ruleset.sets, name, &Set::name);
    if (set == ruleset.sets.end()) return false;
    const auto* ranges = std::get_if<PortElements>(&set->elements);
    return ranges != nullptr && std::ranges::any_of(*ranges, [port](const PortRange& range) {
               return covers(range, port);
           });
}

bool redirects(const Chain& chain) {
    return chain.base && chain.base->type == ChainType::nat &&
           chain.base->hook == Hook::prerouting &&
           std::ranges::any_of(chain.rules, [](const Rule& rule) {
               return std::holds_alternative<RedirectTo>(rule.verdict);
           });
}

const MatchDport* dport_of(const Rule& rule) {
    for (const Match& match : rule.matches) {
        if (const auto* ports = std::get_if<MatchDport>(&match)) return ports;
    }
    return nullptr;
}

/// `tcp dport ... return`, whoever sends it and wherever to.
bool returns_for(const Rule& rule, const Ruleset& ruleset, conf::Port port) {
    const auto* ports = dport_of(rule);
    return std::holds_alternative<Return>(rule.verdict) && rule.matches.size() == 2 &&
           ports != nullptr && covers(ruleset, *ports, port);
}

bool redirects_port(const Rule& rule, const Ruleset& ruleset, conf::Port port) {
    if (!std::holds_alternative<RedirectTo>(rule.verdict)) return false;
    const auto* ports = dport_of(rule);
    return ports == nullptr || covers(ruleset, *ports, port);
}

/// Nothing of that port gets as far as a redirect.
bool is_left_alone(const Chain& chain, const Ruleset& ruleset, conf::Port port) {
    for (const Rule& rule : chain.rules) {
        if (returns_for(rule, ruleset, port)) return true;
        if (redirects_port(rule, ruleset, port)) return false;
    }
    return true;
}

}  // namespace

Ruleset with_spared_port(Ruleset ruleset, conf::Port port) {
    const Rule rule{{MatchL4Proto{{Protocol::tcp}}, MatchDport{PortRange{port, port}},
                     MatchLocalDestination{}},
                    uncounted,
                    Return{},
                    spared_comment};
    const auto planned = ruleset;
    for (std::size_t i = 0; i < ruleset.chains.size(); ++i) {
        Chain& chain = ruleset.chains[i];
        if (!redirects(chain) || is_left_alone(planned.chains[i], planned, port)) continue;
        chain.rules.insert(chain.rules.begin(), rule);
    }
    return ruleset;
}

Ruleset without_spared_port(Ruleset ruleset) {
    for (Chain& chain : ruleset.chains) {
        std::erase_if(chain.rules, [](const Rule& rule) { return rule.comment == spared_comment; });
    }
    return ruleset;
}

}  // namespace meshgate::redirect
