#include "src/meshgate-redirect/guard/keeper.h"

#include "netfilter/iptables/other_captures.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/guard/holder.h"
#include "src/meshgate-redirect/printable.h"
#include "src/meshgate-redirect/replace.h"
#include "src/meshgate-redirect/vips.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using namespace std::chrono_literals;

constexpr std::size_t names_max = 32;  // of programs, which name themselves

std::string author_of(const RulesetChange& change) {
    if (change.is_lost) return "unknown (events were lost)";
    return printable(change.program.empty() ? "?" : change.program) + " (process " +
           std::to_string(change.pid) + ")";
}

std::string program_of(const std::string& author) {
    return author.substr(0, author.find(" ("));
}

std::string fight_advice(const std::string& author) {
    constexpr std::string_view ourselves = "meshgate-redir";  // the kernel keeps 15 bytes
    return std::string{"; somebody does it again and again, and is answered ever more slowly"} +
           (author.starts_with(ourselves) ? ": a second guard? One of the two is to end" : "");
}

}  // namespace

Keeper::Keeper(Orders orders, Held held) : orders_(std::move(orders)), held_(held) {
    plan_from(*orders_);
}

void Keeper::plan_from(const Orders& orders) {
    take_environment(orders);
    auto setup = make_setup(invocation_of(orders));
    keep_vips(setup);
    if (setup.config != setup_.config) ++installations_;
    setup_ = std::move(setup);
}

bool Keeper::holds() const {
    return capture_ && capture_->holds();
}

void Keeper::start() {
    capture_ = std::make_unique<Capture>(setup_.config.redirect, held_);
    log::warnings(setup_.warnings);
    for (const auto& notice : setup_.notices) log::notice(notice);
    if (capture_->has_foreign_table()) {
        throw Unsupported("there is a table inet meshgate that meshgate-redirect did not make: it "
                          "is not replaced (nft delete table inet meshgate, if nobody needs it)");
    }
    if (const OtherCaptures others; !others.empty()) {
        throw Unsupported("there are rules of " + others.names() +
                          ": install --replace puts ours in their place");
    }
    fit_to_installed(setup_, *capture_);
    meant_ = setup_.plan;
    if (capture_->pending()) {
        // Somebody looks whether all is well; what he looks at is not to change.
        take_orders({.what = PauseOutcome::What::to_confirm, .orders = orders_});
        unsettled_ = PauseOutcome::What::to_confirm;
        settle();
        return;
    }
    adopt_or_replace();
}

void Keeper::adopt_or_replace() {
    ++installations_;
    const bool is_meant = capture_->is(*meant_);
    if (is_meant && (!capture_->holds() || capture_->claim())) {
        dns_is_open_ = capture_->installed()->dns_is_open;
        log::notice("the rules are as they should be, and stay as they are" +
                    std::string{holds() ? "; nobody else can change them now" : ""});
        return;
    }
    if (orders_) {
        replace(*capture_, setup_, capture_->pending());
        meant_ = setup_.plan;
        capture_->look();
    } else {
        put_in_force();
    }
    log::notice(std::string{"the rules are in force"} +
                (holds() ? "; nobody else can change them now" : ""));
}

void Keeper::put_in_force() {
    ++installations_;
    capture_->replace(*meant_, capture_->pending());
    capture_->look();
    if (dns_is_open_) {
        dns_is_open_ = false;
        set_dns_open(true);
    }
}

std::optional<Keeper::Clock::duration>
Keeper::on_changes(std::span<const RulesetChange> changes) {
    if (!capture_ || !meant_) return std::nullopt;
    // What others do is several transactions, of which the first calls for a repair.
    const bool is_known = damage_.has_value();
    const bool was_seen = is_known && damage_->is_seen;
    for (const auto& change : changes) {
        if (change.touches_ours && !capture_->is_own_port(change.port)) remember_damage(change);
    }
    if (was_seen || !damage_) return std::nullopt;
    const auto now = Clock::now();
    if (damage_->is_seen) return std::max(backoff_.next(now), looks_.pause(now));
    return is_known ? std::nullopt : std::optional{looks_.next(now)};
}

void Keeper::remember_damage(const RulesetChange& change) {
    if (!damage_) damage_ = Damage{.by = author_of(change), .at = Clock::now()};
    if (damage_->is_seen || change.is_lost) return;
    damage_->by = author_of(change);
    damage_->is_seen = true;
}

std::optional<Keeper::Clock::duration> Keeper::on_routing(const RoutingChange& change) {
    if (!capture_ || !meant_ || !change.anything) return std::nullopt;
    beside_is_damaged_ = true;
    // An address of somebody else may be of interest too: later, with what comes with it.
    if (change.ours_is_gone) return Clock::duration{0};
    return change.is_lost ? looks_.next(Clock::now()) : Clock::duration{1s};
}

std::optional<Keeper::Clock::duration> Keeper::repair() {
    if (!paused_for_.empty()) return std::nullopt;
    try {
        if (unsettled_) settle();
        if (is_to_follow_) follow_now();
        if (capture_ && meant_) make_right();
        went_well();
        return std::nullopt;
    } catch (const std::exception& error) {
        return failed("the repair failed", error);
    }
}

void Keeper::went_well() {
    trouble_.clear();
    cause_.clear();
    retry_.went_well();
}

/// Said once, however often it is tried.
Keeper::Clock::duration Keeper::failed(const std::string& what, const std::exception& error) {
    ++stats_.failures;
    dns_is_unsure_ = true;
    if (cause_ != error.what()) {
        cause_ = error.what();
        const auto* const refusal = dynamic_cast<const KernelError*>(&error);
        const bool may_be_held = refusal != nullptr && refusal->error() == EPERM;
        const auto advice = may_be_held ? held_advice() : std::string{};
        trouble_ = cause_ + (advice.empty() ? "" : "; " + advice);
        log::error(what + ": " + trouble_ + "; it is tried again");
    }
    return retry_.next();
}

void Keeper::make_right() {
    settle_endpoints();
    capture_->look();
    if (!capture_->is(*meant_)) {
        const bool rules_are_right = capture_->has_rules_of(*meant_);
        put_in_force();
        report_repair(rules_are_right);
    } else if (damage_ && damage_->is_seen) {
        backoff_.was_nothing();
        looks_.note(Clock::now());
    }
    damage_.reset();
    beside_is_damaged_ = false;
}

void Keeper::report_repair(bool rules_were_right) {
    if (rules_were_right) ++stats_.repairs_beside;
    if (damage_ && !rules_were_right) {
        auto& by = stats_.repairs_by;
        const auto name = program_of(damage_->by);
        ++by[by.size() < names_max || by.contains(name) ? name : "others"];
        stats_.last_repair = std::chrono::duration_cast<std::chrono::microseconds>(
            Clock::now() - damage_->at);
    }
    log::warning((rules_were_right ? "an address or a route was gone"
                  : damage_        ? "damaged by " + damage_->by
                                   : "the rules were not as they should be") +
                 ": repaired" + (is_fight() && damage_ ? fight_advice(damage_->by) : ""));
}

bool Keeper::has_no_news() const {
    return capture_ && meant_ && capture_->engine().name() == "iptables";
}

std::vector<std::string> Keeper::not_ready() const {
    std::vector<std::string> reasons;
    if (!paused_for_.empty()) {
        reasons.push_back("let go of the rules for " + printable(paused_for_));
    }
    if (paused_for_.empty() && !meant_) reasons.emplace_back("nothing is installed");
    for (const auto& trouble : {trouble_, dns_trouble_, endpoints_trouble_}) {
        if (!trouble.empty()) reasons.push_back(printable(trouble));
    }
    if (damage_ && damage_->is_seen) reasons.push_back("damaged by " + damage_->by);
    if (is_fight()) reasons.emplace_back("somebody damages the rules again and again");
    return reasons;
}

Counters Keeper::counters() {
    try {
        return capture_ ? capture_->counters() : Counters{};
    } catch (const std::exception& error) {
        ++stats_.failures;
        log::warning(std::string{"the counters: "} + error.what());
        return {};
    }
}

}  // namespace meshgate::redirect
