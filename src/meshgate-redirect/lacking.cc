#include "src/meshgate-redirect/lacking.h"

#include "netfilter/ruleset/counters.h"
#include "src/common/errors.h"

#include <cerrno>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

struct Feature {
    std::string name;
    std::string consequence;
    std::vector<Set> sets;
    std::vector<Chain> chains;
    std::vector<std::string> counters{};
};

std::vector<Feature> features() {
    const MatchL4Proto tcp{{Protocol::tcp}};
    const BaseChain nat{ChainType::nat, Hook::output, -105};
    const BaseChain raw{ChainType::filter, Hook::output, -300};
    const BaseChain mangle{ChainType::filter, Hook::prerouting, -150};
    const auto one_rule = [](const BaseChain& base, Rule rule) {
        return std::vector<Chain>{{"chain", base, {std::move(rule)}}};
    };
    return {
        {"nf_tables for inet (CONFIG_NF_TABLES_INET)", "nothing can be captured", {}, {}},
        {"NAT and redirect for inet (Linux 5.2, CONFIG_NFT_NAT, CONFIG_NFT_REDIR)",
         "nothing can be captured",
         {},
         one_rule(nat, {{tcp}, uncounted, RedirectTo{15001}, ""})},
        {"interval sets (CONFIG_NF_TABLES)",
         "users, ports and networks cannot be told apart",
         {{"users", "", UidElements{{1, 2}}}},
         one_rule(raw, {{MatchSkuid{SetRef{"users"}}}, uncounted, Return{}, ""})},
        {"lookups of the address type (CONFIG_NFT_FIB_INET)",
         "inbound traffic cannot be told from what is forwarded",
         {},
         one_rule(mangle, {{MatchLocalDestination{}}, uncounted, Return{}, ""})},
        {"named counters (Linux 4.10, CONFIG_NFT_COUNTER, CONFIG_NFT_OBJREF)",
         "what is captured and left alone cannot be counted",
         {},
         one_rule(mangle, {{}, std::string{cause::exempt_port}, Return{}, ""}),
         {std::string{cause::exempt_port}}},
        {"logging (CONFIG_NFT_LOG, CONFIG_NF_LOG_SYSLOG)",
         "redirect.log_prefix cannot be done",
         {},
         one_rule(mangle, {{}, uncounted, Return{}, "", "prefix"})},
        {"conntrack states (CONFIG_NFT_CT)",
         "redirect.drop_invalid cannot be done",
         {},
         one_rule(mangle, {{MatchInvalid{}}, uncounted, Drop{}, ""})},
    };
}

}  // namespace

std::vector<std::string> lacking_features(Engine& engine) {
    std::vector<std::string> lines;
    if (engine.name() != "nftables") return lines;
    for (auto& feature : features()) {
        const auto refusal =
            engine.trial({"meshgate", std::move(feature.sets), std::move(feature.chains),
                          std::move(feature.counters)});
        if (!refusal || refusal->error() == EPERM || is_passing(refusal->error())) continue;
        lines.push_back("this kernel has no " + feature.name + ": " + feature.consequence);
    }
    return lines;
}

}  // namespace meshgate::redirect
