#include "src/meshgate-redirect/doctor/checks.h"

#include "src/meshgate-redirect/engine.h"

#include <algorithm>
#include <utility>

namespace meshgate::redirect {
namespace {

using netfilter::SeenChain;

bool is_ours(const SeenChain& chain) {
    return chain.family == "inet" && chain.table.starts_with(table_name);
}

std::string words_of(const SeenChain& chain) {
    return chain.family + " " + chain.table + " " + chain.name + ", priority " +
           std::to_string(chain.priority);
}

/// The chains of ours that are to be before others': what Docker publishes is meant to come before
/// the inbound one.
bool is_to_be_first(const netfilter::Chain& chain) {
    return chain.base && chain.base->type == netfilter::ChainType::nat && chain.name != "inbound";
}

std::vector<std::string> translating_before_ours(const Facts& facts) {
    std::vector<std::string> lines;
    for (const auto& ours : facts.rules.chains) {
        if (!is_to_be_first(ours)) continue;
        for (const SeenChain& chain : facts.chains) {
            // At equal priority who registered last runs first.
            if (is_ours(chain) || chain.type != "nat" || chain.hook != ours.base->hook ||
                !chain.translates || chain.priority > ours.base->priority) {
                continue;
            }
            auto line = words_of(chain);
            if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
        }
    }
    return lines;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    return std::to_string(part * 100 / whole) + "%";
}

}  // namespace

void check_rules(const Facts& facts, Findings& findings) {
    if (!facts.lacking.empty()) findings.push_back(finding("MG105", facts.lacking));
    if (facts.lacks_zones) findings.push_back(finding("MG106", {}));
    if (!facts.assumptions.empty()) findings.push_back(finding("MG110", facts.assumptions));
    if (!facts.sees_rules) return;
    if (facts.has_foreign_table) {
        findings.push_back(finding("MG104", {}));
        return;
    }
    if (!facts.is_installed) {
        findings.push_back(finding("MG101", {}));
        return;
    }
    if (!facts.draining.empty()) {
        findings.push_back(finding("MG109", {facts.draining}));
        return;
    }
    if (facts.was_changed) findings.push_back(finding("MG102", {}));
    if (facts.differs_from_plan) findings.push_back(finding("MG103", {}));
    if (!facts.misplacements.empty()) findings.push_back(finding("MG107", facts.misplacements));
    if (!facts.missing_beside.empty()) findings.push_back(finding("MG108", facts.missing_beside));
}

void check_others(const Facts& facts, Findings& findings) {
    if (facts.engine == "nftables") {  // within iptables ours are at the head of the same chain
        auto before = translating_before_ours(facts);
        if (!before.empty()) findings.push_back(finding("MG201", std::move(before)));
    }
    if (facts.nft_iptables_rules && facts.legacy_iptables_rules) {
        findings.push_back(finding("MG202", {}));
    }
    if (!facts.other_meshes.empty()) findings.push_back(finding("MG203", {facts.other_meshes}));
    if (facts.direct_xml_of_others) findings.push_back(finding("MG204", {}));
    if (!facts.kuma_leftovers.empty()) findings.push_back(finding("MG205", facts.kuma_leftovers));
    if (facts.firewalld_rejects) findings.push_back(finding("MG206", {}));
}

void check_conntrack(const Facts& facts, Findings& findings) {
    if (!facts.conntrack) return;
    constexpr std::uint64_t much = 80, nearly_all = 95;  // percent
    const auto& use = *facts.conntrack;
    const auto filled = use.max == 0 ? 0 : use.entries * 100 / use.max;
    if (filled >= much) {
        findings.push_back(finding("MG301",
                                   {std::to_string(use.entries) + " of " + std::to_string(use.max) +
                                    " (" + percent(use.entries, use.max) + ")"},
                                   filled >= nearly_all ? Severity::error : Severity::warning));
    }
    if (use.insert_failed != 0) {
        findings.push_back(finding("MG302", {std::to_string(use.insert_failed) + " times"}));
    }
    if (use.dropped != 0 || use.evicted != 0) {
        findings.push_back(
            finding("MG303", {std::to_string(use.dropped) + " refused, " +
                              std::to_string(use.evicted) + " put out before their time"}));
    }
}

Findings check_all(const Facts& facts) {
    Findings findings;
    for (const auto check : {check_rules, check_guard, check_others, check_conntrack,
                             check_listeners, check_vips, check_users, check_settings,
                             check_lock_out}) {
        check(facts, findings);
    }
    std::ranges::stable_sort(findings, {}, [](const Finding& one) {
        return std::pair{one.severity, one.entry->code};
    });
    return findings;
}

}  // namespace meshgate::redirect
