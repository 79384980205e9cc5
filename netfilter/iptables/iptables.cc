#include "netfilter/iptables/iptables.h"

#include "netfilter/iptables/legacy_tables.h"
#include "netfilter/iptables/replacement.h"
#include "netfilter/iptables/text.h"
#include "netfilter/nftnl/base_chains.h"

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
    : loopback_(std::move(loopback)), has_ipv6_(kernel_has_ipv6()), programs_(find_iptables()),
      is_asked_for_(wanted != IptablesBackend::automatic) {
    const auto asked_for = std::ranges::find(programs_, wanted, &IptablesPrograms::backend);
    if (asked_for != programs_.end()) {
        std::rotate(programs_.begin(), asked_for, asked_for + 1);
    } else if (is_asked_for_) {
        programs_.emplace(programs_.begin())->backend = wanted;
    }
}

bool Iptables::may_hold_ours(IptablesBackend backend, Family family) const {
    static constexpr std::array<std::string_view, 2> names{mark_chain, trial_prefix};
    if (family == Family::ipv6 && !has_ipv6_) return false;
    return backend == IptablesBackend::nft ? has_chain_named(family, names)
                                           : legacy_tables_mention(family, names);
}

SavedRules Iptables::saved(const IptablesPrograms& programs, Family family) const {
    if (programs.save.empty() || !may_hold_ours(programs.backend, family)) return {};
    return read_saved(save_rules(programs, family), family, loopback_);
}

Iptables::Ours Iptables::ours(const IptablesPrograms& programs) const {
    return {saved(programs, Family::ipv4).tables, saved(programs, Family::ipv6).tables};
}

Iptables::Ours Iptables::wanted(const Ruleset& ruleset, std::string_view prefix) const {
    Ours rules;
    rules.ipv4 = iptables_words(ruleset, Family::ipv4, loopback_, prefix);
    if (has_ipv6_) rules.ipv6 = iptables_words(ruleset, Family::ipv6, loopback_, prefix);
    return rules;
}

std::optional<Installed> Iptables::read() {
    std::optional<Installed> found;
    for (std::size_t i = 0; i < programs_.size(); ++i) {
        auto installed =
            installed_of(saved(programs_[i], Family::ipv4), saved(programs_[i], Family::ipv6));
        if (!installed) continue;
        if (found) {
            found->unknown.emplace_back("the other back end of iptables has rules of ours too");
            continue;
        }
        found = std::move(installed);
        if (i == 0) continue;
        if (is_asked_for_) {
            found->unknown.emplace_back("the rules are not in the back end asked for");
        } else {
            std::rotate(programs_.begin(), programs_.begin() + static_cast<std::ptrdiff_t>(i),
                        programs_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    }
    return found;
}

Ruleset Iptables::form_of(const Ruleset& ruleset) const {
    return iptables_form(ruleset, loopback_, has_ipv6_);
}

void Iptables::change(const IptablesPrograms& programs, const Ours& before,
                      const Ours& after) const {
    restore_rules(programs, Family::ipv4, replacement_text(before.ipv4, after.ipv4));
    restore_rules(programs, Family::ipv6, replacement_text(before.ipv6, after.ipv6));
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
    change_or_undo(programs_.front(), after);
    for (std::size_t i = 1; i < programs_.size(); ++i) {
        if (!ours(programs_[i]).empty()) change_or_undo(programs_[i], {});
    }
}

bool Iptables::remove() {
    bool removed = false;
    for (const auto& programs : programs_) {
        if (ours(programs).empty()) continue;
        change_or_undo(programs, {});
        removed = true;
    }
    return removed;
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
    const std::size_t candidates = is_asked_for_ ? 1 : programs_.size();
    for (std::size_t i = 0; i < candidates && i < programs_.size(); ++i) {
        if (programs_[i].restore.empty()) return no_programs(true);
        const auto refusal = trial(programs_[i], rules);
        if (!refusal) {
            std::rotate(programs_.begin(), programs_.begin() + static_cast<std::ptrdiff_t>(i),
                        programs_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            return std::nullopt;
        }
        if (!first) first.emplace(*refusal);
    }
    return first ? first : no_programs(false);
}

}  // namespace meshgate::netfilter
