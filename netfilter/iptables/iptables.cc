#include "netfilter/iptables/iptables.h"

#include "netfilter/iptables/replacement.h"
#include "netfilter/iptables/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace meshgate::netfilter {
namespace {

using conf::IptablesBackend;

/// Somebody else may change a table between our look at it and our change.
constexpr int attempts = 4;

constexpr std::array<std::string_view, 2> our_names{mark_chain, trial_prefix};

bool kernel_has_ipv6() {
    std::error_code error;
    return std::filesystem::exists("/proc/self/net/if_inet6", error);
}

KernelError no_programs(bool asked_for) {
    return {"iptables-restore", ENOENT,
            asked_for ? "the back end asked for is not on this machine" : "install iptables"};
}

}  // namespace

Iptables::Iptables(IptablesBackend wanted, std::string loopback)
    : loopback_(std::move(loopback)), wanted_(wanted), has_ipv6_(kernel_has_ipv6()) {}

std::vector<IptablesPrograms>& Iptables::programs() {
    if (!programs_.empty()) return programs_;
    programs_ = find_iptables();
    const auto asked_for = std::ranges::find(programs_, wanted_, &IptablesPrograms::backend);
    if (asked_for != programs_.end()) {
        std::rotate(programs_.begin(), asked_for, asked_for + 1);
    } else if (wanted_ != IptablesBackend::automatic) {
        programs_.emplace(programs_.begin())->backend = wanted_;
    }
    return programs_;
}

SavedRules Iptables::saved(const IptablesPrograms& programs, Family family,
                           const Presence& presence) const {
    const bool has_place = family == Family::ipv4 || has_ipv6_;
    if (!has_place || programs.save.empty() || !presence.in(programs.backend, family)) return {};
    return read_saved(save_rules(programs, family, SavedForm::counted), family, loopback_);
}

Iptables::Ours Iptables::ours(const IptablesPrograms& programs) const {
    const Presence presence{our_names};
    auto ipv4 = saved(programs, Family::ipv4, presence);
    auto ipv6 = saved(programs, Family::ipv6, presence);
    return {std::move(ipv4.tables), std::move(ipv6.tables), std::move(ipv4.counters),
            std::move(ipv6.counters)};
}

Iptables::Ours Iptables::wanted(const Ruleset& ruleset, std::string_view prefix) const {
    Ours rules;
    rules.ipv4 = iptables_words(ruleset, Family::ipv4, loopback_, prefix);
    if (has_ipv6_) rules.ipv6 = iptables_words(ruleset, Family::ipv6, loopback_, prefix);
    return rules;
}

std::optional<Installed> Iptables::read() {
    std::optional<Installed> found;
    const Presence presence{our_names};
    if (!presence.anywhere()) return found;
    auto& all = programs();
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto installed = installed_of(saved(all[i], Family::ipv4, presence),
                                      saved(all[i], Family::ipv6, presence));
        if (!installed) continue;
        if (found) {
            found->unknown.emplace_back("the other back end of iptables has rules of ours too");
            continue;
        }
        found = std::move(installed);
        if (i == 0) continue;
        if (wanted_ != IptablesBackend::automatic) {
            found->unknown.emplace_back("the rules are not in the back end asked for");
        } else {
            std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i),
                        all.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    }
    return found;
}

Counters Iptables::counters() {
    Counters sums;
    if (!Presence{our_names}.anywhere()) return sums;
    for (const auto& one : programs()) {
        const Ours rules = ours(one);
        for (const auto* family : {&rules.counted4, &rules.counted6}) add_counts(*family, sums);
    }
    return in_order_of_causes(sums);
}

Ruleset Iptables::form_of(const Ruleset& ruleset) const {
    return iptables_form(ruleset, loopback_, has_ipv6_);
}

void Iptables::change(const IptablesPrograms& programs, const Ours& before,
                      const Ours& after) const {
    restore_rules(programs, Family::ipv4,
                  with_counts(replacement_text(before.ipv4, after.ipv4), before.counted4));
    restore_rules(programs, Family::ipv6,
                  with_counts(replacement_text(before.ipv6, after.ipv6), before.counted6));
}

void Iptables::change_or_undo(const IptablesPrograms& programs, const Ours& after) const {
    const Ours before = ours(programs);
    Ours now = before;
    for (int attempt = 1;; ++attempt) {
        try {
            return change(programs, now, after);
        } catch (const KernelError& error) {
            if (error.error() == EPERM) throw;
            const Ours found = ours(programs);
            if (found == now || attempt == attempts) {
                change(programs, found, before);
                throw;
            }
            now = found;
        }
    }
}

void Iptables::replace(const Ruleset& ruleset, const Ownership& ownership) {
    if (const auto refusal = trial(ruleset)) throw KernelError{*refusal};
    Ours after = wanted(ruleset, chain_prefix);
    add_mark(after.ipv4, ownership);
    add_mark(after.ipv6, ownership);
    const auto& all = programs();
    change_or_undo(all.front(), after);
    for (std::size_t i = 1; i < all.size(); ++i) {
        if (!ours(all[i]).empty()) change_or_undo(all[i], {});
    }
}

bool Iptables::remove() {
    bool removed = false;
    if (!Presence{our_names}.anywhere()) return removed;
    for (const auto& programs : programs()) {
        if (ours(programs).empty()) continue;
        change_or_undo(programs, {});
        removed = true;
    }
    return removed;
}

Iptables::Kept Iptables::keep() {
    Kept kept;
    if (!Presence{our_names}.anywhere()) return kept;
    for (const auto& programs : programs()) {
        if (auto found = ours(programs); !found.empty()) {
            kept.emplace_back(programs.backend, std::move(found));
        }
    }
    return kept;
}

void Iptables::put_back(const Kept& kept) {
    if (kept.empty()) {
        remove();
        return;
    }
    const auto wanted = [&kept](const IptablesPrograms& programs) {
        const auto found = std::ranges::find(kept, programs.backend, &Kept::value_type::first);
        return found == kept.end() ? Ours{} : found->second;
    };
    // What is to be there comes before the other back end's goes: nothing is uncaptured meanwhile.
    for (const bool is_removal : {false, true}) {
        for (const auto& each : programs()) {
            const Ours after = wanted(each);
            if (after.empty() == is_removal && ours(each) != after) change_or_undo(each, after);
        }
    }
}

std::optional<KernelError> Iptables::trial(const IptablesPrograms& programs,
                                           const Ours& rules) const {
    try {
        for (const auto& [family, words] :
             {std::pair{Family::ipv4, &rules.ipv4}, std::pair{Family::ipv6, &rules.ipv6}}) {
            restore_rules(programs, family,
                          replacement_text({}, *words) + replacement_text(*words, {}));
        }
    } catch (const KernelError& error) {
        return error;
    }
    return std::nullopt;
}

std::optional<KernelError> Iptables::trial(const Ruleset& ruleset) {
    Ours rules = wanted(ruleset, trial_prefix);
    for (auto* family : {&rules.ipv4, &rules.ipv6}) {
        for (auto& table : *family) table.jumps.clear();
    }
    std::optional<KernelError> first;
    auto& all = programs();
    const std::size_t candidates = (wanted_ != IptablesBackend::automatic) ? 1 : all.size();
    for (std::size_t i = 0; i < candidates && i < all.size(); ++i) {
        if (all[i].restore.empty()) return no_programs(true);
        const auto refusal = trial(all[i], rules);
        if (!refusal) {
            std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i),
                        all.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            return std::nullopt;
        }
        if (!first) first.emplace(*refusal);
    }
    return first ? first : no_programs(false);
}

}  // namespace meshgate::netfilter
