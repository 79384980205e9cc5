#pragma once

#include "netfilter/nftnl/surroundings.h"
#include "netfilter/plan/plan.h"
#include "src/meshgate-redirect/confirm/pending.h"
#include "src/meshgate-redirect/engine.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// The capture as it was at some time.
struct Before {
    Kept in_nftables, in_iptables;
    netfilter::Surroundings surroundings;
};

/// The capture as this network namespace has it: the rules, whichever engine holds them, and what
/// is beside them.
class Capture {
public:
    /// The engine is the one that `wanted` names; for "auto" the one that holds rules of ours, else
    /// nftables where the kernel has it.
    /// @throws Unsupported, netfilter::KernelError, std::system_error
    /// @param held  nobody else may change the rules, where the kernel can have it so
    explicit Capture(const conf::Redirect& wanted = {},
                     netfilter::Held held = netfilter::Held::no);

    /// In the engine wanted, else in the other one.
    [[nodiscard]] const std::optional<netfilter::Installed>& installed() const noexcept {
        return installed_;
    }
    /// What the other engine has as well, in a change from one to the other.
    [[nodiscard]] const std::optional<netfilter::Installed>& also_installed() const noexcept {
        return also_installed_;
    }
    /// A table of our name that somebody else made: not to be replaced nor removed.
    [[nodiscard]] bool has_foreign_table() const noexcept { return has_foreign_table_; }
    /// That is all there is, and what installed() tells of.
    [[nodiscard]] bool is_foreign() const noexcept { return installed_ && !installed_->ownership; }
    /// The rules are not those that were installed, whatever the configuration says.
    [[nodiscard]] bool was_changed() const;
    /// The rules and what is beside them are exactly what install would make.
    bool is(const netfilter::Plan& plan);
    /// What the installed rules have counted; empty when there are none.
    [[nodiscard]] netfilter::Counters counters() const;
    /// What is wrong with where the rules are, a line each.
    [[nodiscard]] std::vector<std::string> misplacements() const;

    [[nodiscard]] Engine& engine() const noexcept { return *engine_; }
    /// The kernel has no nf_tables, and iptables takes its place.
    [[nodiscard]] bool lacks_nftables() const noexcept { return !nftables_; }
    /// For "auto": nftables for a new installation, whatever holds the present one.
    void prefer_nftables() noexcept;
    /// For "auto": iptables, when nftables cannot. @return false when there is nothing to turn to.
    bool turn_to_iptables() noexcept;

    /// Makes it so, in the engine and nowhere else. When the rules are refused, nothing that was
    /// done here stays.
    /// @return what was done or left out beside the rules, a line each.
    /// @param pending  the install is to be confirmed: where the engine has no other place for it,
    ///                 its mark says so
    std::vector<std::string> replace(const netfilter::Plan& plan,
                                     const std::optional<Pending>& pending = {});

    /// All that is there, to come back to.
    Before keep();
    /// Makes it so again: the rules in one transaction, as replace() does.
    void put_back(const Before& before);

    /// Has the kernel hold what is to come back, where it has nf_tables.
    void record(const PendingRecord& record);
    /// What it holds. None without nf_tables.
    std::optional<PendingRecord> recorded();
    /// Of an install that was not confirmed yet: what the kernel says, whoever lives.
    std::optional<Pending> pending();
    void forget_record();

    /// From both engines. A foreign table stays. @return true when there was something.
    bool remove();

    /// The rules only; what is beside them stays.
    void remove_from_iptables();

    /// Finds out again what there is.
    void look();
    /// The rules are those of the plan, whatever is beside them.
    bool has_rules_of(const netfilter::Plan& plan);

    // For a guard; see Engine.
    [[nodiscard]] bool holds() const noexcept { return engine_->holds(); }
    bool claim() { return engine_->claim(); }
    bool update_elements(const netfilter::Ruleset& before, const netfilter::Ruleset& after) {
        return engine_->update_elements(before, after);
    }
    bool update_vips(std::span<const netfilter::VipUpdate> updates) {
        return engine_->update_vips(updates);
    }
    [[nodiscard]] bool is_own_port(std::uint32_t port) const noexcept {
        return engine_->is_own_port(port);
    }
    /// By one element of `open_dns_set`. @return false when the installed rules have no such set.
    bool set_dns_open(bool open);

    netfilter::SurroundingsApplier& surroundings() noexcept { return surroundings_; }

private:
    void take_back(const netfilter::Surroundings& before, const std::string& new_digest);

    netfilter::SurroundingsApplier surroundings_;
    conf::Engine wanted_;
    std::unique_ptr<Engine> nftables_;  ///< null where the kernel has none
    std::unique_ptr<Engine> iptables_;
    Engine* engine_ = nullptr;
    Engine* holder_ = nullptr;  ///< of `installed_`
    bool has_foreign_table_ = false;
    bool is_in_both_ = false;
    std::optional<netfilter::Installed> installed_, also_installed_;
};

}  // namespace meshgate::redirect
