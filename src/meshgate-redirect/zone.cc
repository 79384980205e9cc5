#include "src/meshgate-redirect/zone.h"

#include "src/common/errors.h"
#include "src/meshgate-redirect/engine.h"

#include <algorithm>
#include <cerrno>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

Ruleset one_rule(Verdict verdict) {
    const BaseChain raw{ChainType::filter, Hook::output, -300};
    return {table_name, {}, {{"raw_output", raw, {{{}, uncounted, std::move(verdict), ""}}}}};
}

bool lacks_zones(const Trial& trial) {
    const auto refusal = trial(one_rule(OriginalZone{1}));
    return refusal && refusal->error() != EPERM && !is_passing(refusal->error()) &&
           !trial(one_rule(Return{}));
}

}  // namespace

bool sets_a_zone(const Ruleset& ruleset) {
    return std::ranges::any_of(ruleset.chains, [](const Chain& chain) {
        return std::ranges::any_of(chain.rules, [](const Rule& rule) {
            return std::holds_alternative<OriginalZone>(rule.verdict);
        });
    });
}

bool leave_out_zone(Setup& setup, const Trial& trial) {
    if (!sets_a_zone(setup.plan.ruleset) || !lacks_zones(trial)) return false;
    setup.config.redirect.dns.conntrack_zone = 0;
    plan_anew(setup);
    setup.notices.emplace_back(
        "this kernel has no conntrack zones (CONFIG_NF_CONNTRACK_ZONES): DNS over UDP is captured "
        "without one, and a query is lost, or leaves uncaptured, when its port was just used by "
        "the resolver for the same server");
    return true;
}

}  // namespace meshgate::redirect
