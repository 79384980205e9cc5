#include "src/meshgate-redirect/capture.h"

#include "netfilter/nftnl/kernel.h"
#include "netfilter/ruleset/print.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/turn.h"

#include <algorithm>
#include <utility>

namespace meshgate::redirect {
namespace {

using netfilter::Surroundings;

/// Both: what is to go stays until the rules that need it are gone.
Surroundings both(const Surroundings& before, const Surroundings& wanted) {
    Surroundings all = wanted;
    all.inbound_passthrough_address6 |= before.inbound_passthrough_address6;
    for (const auto& range : before.local_routes) {
        if (std::ranges::find(all.local_routes, range) == all.local_routes.end()) {
            all.local_routes.push_back(range);
        }
    }
    return all;
}

/// None where the kernel has no nf_tables, unless it is asked for.
std::unique_ptr<Engine> find_nftables(conf::Engine wanted, netfilter::Held held) {
    try {
        return nftables_engine(held);
    } catch (const Unsupported&) {
        if (wanted == conf::Engine::nftables) throw;
        return nullptr;
    }
}

}  // namespace

Capture::Capture(const conf::Redirect& wanted, netfilter::Held held)
    : wanted_(wanted.engine), nftables_(find_nftables(wanted.engine, held)),
      iptables_(iptables_engine(wanted.iptables_backend)) {
    look();
}

void Capture::look() {
    installed_.reset();
    holder_ = nullptr;
    also_installed_.reset();
    auto in_nftables = nftables_ ? nftables_->read() : std::nullopt;
    auto in_iptables = iptables_->read();
    // It may have gone from one to the other between the two looks.
    if (nftables_ && !in_nftables && !in_iptables) in_nftables = nftables_->read();
    const bool is_ours = in_nftables && in_nftables->ownership;
    has_foreign_table_ = in_nftables && !is_ours;
    is_in_both_ = is_ours && in_iptables;
    const bool has_nftables = in_nftables && (is_ours || !in_iptables);
    const bool prefers_iptables = wanted_ == conf::Engine::iptables;
    if (in_iptables && (prefers_iptables || !has_nftables)) {
        holder_ = iptables_.get();
        installed_ = std::move(in_iptables);
    } else if (has_nftables && (is_ours || !prefers_iptables)) {
        holder_ = nftables_.get();
        installed_ = std::move(in_nftables);
    }
    if (is_in_both_) {
        also_installed_ = holder_ == nftables_.get() ? std::move(in_iptables)
                                                     : std::move(in_nftables);
    }
    if (wanted_ == conf::Engine::automatic) {
        // What was turned to before stays the choice when its rules are gone for the moment.
        if (engine_ == nullptr) engine_ = nftables_ ? nftables_.get() : iptables_.get();
        if (holder_ != nullptr) engine_ = holder_;
    } else {
        engine_ = prefers_iptables ? iptables_.get() : nftables_.get();
    }
}

bool Capture::was_changed() const {
    return installed_ && installed_->ownership &&
           (!installed_->unknown.empty() ||
            installed_->ownership->digest != digest(installed_->ruleset));
}

bool Capture::has_rules_of(const netfilter::Plan& plan) {
    if (!installed_ || !installed_->ownership || !installed_->unknown.empty()) return false;
    if (installed_->ownership->format != netfilter::table_format) return false;
    if (!misplacements().empty()) return false;
    const auto form = engine_->form_of(plan.ruleset);
    return installed_->ownership->digest == digest(form) && installed_->ruleset == form &&
           !engine_->has_remains();
}

bool Capture::is(const netfilter::Plan& plan) {
    return has_rules_of(plan) && surroundings_.differences(plan.surroundings).empty();
}

bool Capture::set_dns_open(bool open) {
    if (!installed_) return false;
    constexpr conf::PortRange dns{53, 53};
    auto state = [&](bool is_open) {
        auto ruleset = installed_->ruleset;
        for (auto& set : ruleset.sets) {
            auto* ports = std::get_if<netfilter::PortElements>(&set.elements);
            if (set.name != netfilter::open_dns_set || ports == nullptr) continue;
            if (is_open) *ports = {dns};
        }
        return ruleset;
    };
    const auto now = state(installed_->dns_is_open);
    const auto wanted = state(open);
    if (state(true) == state(false)) return false;
    if (installed_->dns_is_open != open && !engine_->update_elements(now, wanted)) return false;
    installed_->dns_is_open = open;
    return true;
}

netfilter::Counters Capture::counters() const {
    return holder_ == nullptr || is_foreign() ? netfilter::Counters{} : holder_->counters();
}

std::vector<std::string> Capture::misplacements() const {
    std::vector<std::string> lines;
    if (holder_ == nullptr) return lines;
    if (is_in_both_) lines.emplace_back("nftables and iptables both have rules of ours");
    if (holder_ != engine_) {
        lines.push_back("installed through " + std::string{holder_->name()} +
                        ", but the configuration says " + std::string{engine_->name()});
    }
    return lines;
}

void Capture::prefer_nftables() noexcept {
    if (wanted_ == conf::Engine::automatic && nftables_) engine_ = nftables_.get();
}

bool Capture::turn_to_iptables() noexcept {
    if (wanted_ != conf::Engine::automatic || engine_ == iptables_.get()) return false;
    engine_ = iptables_.get();
    return true;
}

/// Undoes what an install did that cannot be finished, unless the new rules are in force all the
/// same and need it; the reason is thrown on.
void Capture::take_back(const Surroundings& before, const std::string& new_digest) {
    try {
        const auto now = engine_->read();
        if (now && now->ownership && now->ownership->digest == new_digest) return;
        surroundings_.apply(before);
    } catch (const std::exception& error) {
        log::error(std::string{"taking back what was done: "} + error.what());
    }
}

std::vector<std::string> Capture::replace(const netfilter::Plan& plan,
                                          const std::optional<Pending>& pending) {
    const Turn turn;
    const Surroundings before = surroundings_.ours();
    const netfilter::Ownership ownership{.format = netfilter::table_format,
                                         .version = MESHGATE_VERSION,
                                         .digest = digest(engine_->form_of(plan.ruleset)),
                                         .confirm = pending ? pending_word(*pending) : ""};
    std::vector<std::string> lines;
    try {
        lines = surroundings_.apply(both(before, plan.surroundings));
        engine_->replace(plan.ruleset, ownership);
    } catch (const std::exception&) {
        take_back(before, ownership.digest);
        throw;
    }
    // Both at once do what one does: the second finds the flow translated.
    for (auto* other : {nftables_.get(), iptables_.get()}) {
        if (other == nullptr || other == engine_) continue;
        if (is_in_both_ || other == holder_) other->remove();
    }
    const auto more = surroundings_.apply(plan.surroundings);
    for (const auto& line : more) {
        if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
    }
    return lines;
}

Before Capture::keep() {
    return {.in_nftables = nftables_ ? nftables_->keep() : Kept{},
            .in_iptables = iptables_->keep(),
            .surroundings = surroundings_.ours()};
}

void Capture::put_back(const Before& before) {
    const Turn turn;
    surroundings_.apply(both(surroundings_.ours(), before.surroundings));
    // What holds rules then comes first: the others' go when these are in force.
    for (const bool is_removal : {false, true}) {
        if (nftables_ && before.in_nftables.empty() == is_removal && !has_foreign_table_) {
            nftables_->put_back(before.in_nftables);
        }
        if (before.in_iptables.empty() == is_removal) iptables_->put_back(before.in_iptables);
    }
    surroundings_.apply(before.surroundings);
}

void Capture::record(const PendingRecord& record) {
    if (!nftables_) return;
    netfilter::Kernel{}.put_dormant(record_ruleset(record), record_ownership(record), record_chain);
}

std::optional<PendingRecord> Capture::recorded() {
    if (!nftables_) return std::nullopt;
    const auto found = netfilter::Kernel{}.read(previous_table);
    return found ? read_record(*found) : std::nullopt;
}

std::optional<Pending> Capture::pending() {
    if (const auto record = recorded()) return record->pending;
    if (!installed_ || !installed_->ownership) return std::nullopt;
    return parse_pending(installed_->ownership->confirm);
}

void Capture::forget_record() {
    if (nftables_ && netfilter::Kernel{}.read(previous_table)) {
        netfilter::Kernel{}.remove(previous_table);
    }
}

void Capture::remove_from_iptables() {
    iptables_->remove();
}

bool Capture::remove() {
    const Turn turn;
    bool rules = false;
    if (nftables_ && !has_foreign_table_) rules = nftables_->remove();
    rules |= iptables_->remove();
    // What the rules need stays as long as they do: somebody may hold them.
    const bool beside = surroundings_.remove();
    forget_record();
    return beside || rules;
}

}  // namespace meshgate::redirect
