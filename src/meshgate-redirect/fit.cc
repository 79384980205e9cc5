#include "src/meshgate-redirect/fit.h"

#include "src/meshgate-redirect/zone.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

/// The exemption of a resolver that runs as root: no other rule returns for that user by number.
bool spares_root(const Ruleset& ruleset) {
    const auto is_root = [](const Match& match) {
        return match == Match{MatchSkuid{conf::Uid{0}}};
    };
    return std::ranges::any_of(ruleset.chains, [&is_root](const Chain& chain) {
        return std::ranges::any_of(chain.rules, [&is_root](const Rule& rule) {
            return std::holds_alternative<Return>(rule.verdict) &&
                   std::ranges::any_of(rule.matches, is_root);
        });
    });
}

/// The users that a rule is about: one, or those of a set of its ruleset.
UidElements users_of(const Rule& rule, const Ruleset& ruleset) {
    for (const Match& match : rule.matches) {
        const auto* skuid = std::get_if<MatchSkuid>(&match);
        if (skuid == nullptr) continue;
        if (const auto* user = std::get_if<conf::Uid>(&skuid->users)) return {{*user, *user}};
        const auto& name = std::get<SetRef>(skuid->users).name;
        const auto set = std::ranges::find(ruleset.sets, name, &Set::name);
        if (set == ruleset.sets.end()) return {};
        const auto* elements = std::get_if<UidElements>(&set->elements);
        return elements == nullptr ? UidElements{} : *elements;
    }
    return {};
}

/// Each once, sorted. Through iptables there is a rule for each of them, protocol and family.
std::vector<conf::Uid> resolver_users(const Ruleset& ruleset) {
    constexpr std::size_t most = 64;  // a table that somebody else has filled is not to fill us
    std::set<conf::Uid> users;
    if (spares_root(ruleset)) users.insert(0);
    for (const Chain& chain : ruleset.chains) {
        for (const Rule& rule : chain.rules) {
            if (rule.comment != local_resolvers_comment) continue;
            for (const auto& range : users_of(rule, ruleset)) {
                for (std::uint64_t uid = range.first; uid <= range.last && users.size() < most;
                     ++uid) {
                    users.insert(static_cast<conf::Uid>(uid));
                }
            }
        }
    }
    return {users.begin(), users.end()};
}

}  // namespace

bool keep_resolver_users(Host& host, const Ruleset& installed) {
    const auto users = resolver_users(installed);
    if (users.empty()) return false;
    bool kept = false;
    for (auto& resolver : host.local_resolvers) {
        if (!resolver.users.empty()) continue;
        resolver.users = users;
        kept = true;
    }
    return kept;
}

void fit_to_installed(Setup& setup, Capture& capture, Endpoints endpoints) {
    const auto& installed = capture.installed();
    if (!installed || !installed->ownership) return;
    if (keep_resolver_users(setup.host, installed->ruleset)) {
        for (const auto& notice : setup.plan.notices) std::erase(setup.notices, notice);
        plan_anew(setup);
        setup.notices.insert(setup.notices.end(), setup.plan.notices.begin(),
                             setup.plan.notices.end());
    }
    if (!sets_a_zone(installed->ruleset)) {
        leave_out_zone(setup,
                       [&capture](const Ruleset& ruleset) { return capture.engine().trial(ruleset); });
    }
    if (endpoints == Endpoints::all) return;
    const auto reduced = keep_live(setup.plan.ruleset, setup.host.vips, installed->ruleset);
    for (const auto& service : reduced) {
        setup.notices.push_back("service '" + service + "': endpoints that were taken out stay out");
    }
}

}  // namespace meshgate::redirect
