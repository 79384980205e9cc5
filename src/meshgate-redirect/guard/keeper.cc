#include "src/meshgate-redirect/guard/keeper.h"

#include "conf/load.h"
#include "netfilter/iptables/other_captures.h"
#include "netfilter/nftnl/sockets.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/confirm/exclusion.h"
#include "src/meshgate-redirect/connections.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/printable.h"
#include "src/meshgate-redirect/replace.h"
#include "src/meshgate-redirect/vips.h"
#include "src/users/users.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using namespace std::chrono_literals;

constexpr std::size_t names_max = 32;  // of programs, which name themselves
constexpr auto failed_pause = 1s;

std::string author_of(const RulesetChange& change) {
    if (change.is_lost) return "unknown (events were lost)";
    return printable(change.program.empty() ? "?" : change.program) + " (process " +
           std::to_string(change.pid) + ")";
}

std::string program_of(const std::string& author) {
    return author.substr(0, author.find(" ("));
}

bool somebody_answers(const conf::DnsCapture& dns) {
    return std::ranges::any_of(dns.protocols, [&dns](conf::Protocol protocol) {
        return std::ranges::any_of(waiting_sockets(protocol), [&dns](const WaitingSocket& one) {
            return one.port == dns.port;
        });
    });
}

}  // namespace

Keeper::Keeper(Orders orders, Held held) : orders_(std::move(orders)), held_(held) {
    plan_from(*orders_);
}

void Keeper::plan_from(const Orders& orders) {
    take_environment(orders);
    setup_ = make_setup(invocation_of(orders));
    keep_vips(setup_);
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
        take_up({.what = PauseOutcome::What::to_confirm, .orders = orders_});
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
    for (const auto& change : changes) {
        if (change.touches_ours && !capture_->is_own_port(change.port)) remember_damage(change);
    }
    if (damaged_by_.empty()) return std::nullopt;
    return backoff_.next(Clock::now());
}

void Keeper::remember_damage(const RulesetChange& change) {
    if (damaged_by_.empty()) damaged_by_ = author_of(change);
    if (!damaged_at_) damaged_at_ = Clock::now();
}

std::optional<Keeper::Clock::duration> Keeper::on_routing(const RoutingChange& change) {
    if (!capture_ || !meant_ || !change.anything) return std::nullopt;
    beside_is_damaged_ = true;
    // An address of somebody else may be of interest too: later, with what comes with it.
    return change.ours_is_gone ? Clock::duration{0} : Clock::duration{1s};
}

std::optional<Keeper::Clock::duration> Keeper::repair() {
    if (!capture_ || !meant_) return std::nullopt;
    try {
        settle_endpoints();
        capture_->look();
        if (capture_->is(*meant_)) {
            trouble_.clear();
        } else {
            const bool rules_are_right = capture_->has_rules_of(*meant_);
            put_in_force();
            if (rules_are_right) ++stats_.repairs_beside;
            if (!damaged_by_.empty() && !rules_are_right) {
                auto& by = stats_.repairs_by;
                const auto name = program_of(damaged_by_);
                ++by[by.size() < names_max || by.contains(name) ? name : "others"];
                stats_.last_repair = std::chrono::duration_cast<std::chrono::microseconds>(
                    Clock::now() - damaged_at_.value_or(Clock::now()));
            }
            log::warning((rules_are_right      ? "an address or a route was gone"
                          : damaged_by_.empty() ? "the rules were not as they should be"
                                                : "damaged by " + damaged_by_) +
                         ": repaired" + (is_fight() ? "; somebody does it again and again" : ""));
            trouble_.clear();
        }
        damaged_by_.clear();
        damaged_at_.reset();
        beside_is_damaged_ = false;
        return std::nullopt;
    } catch (const std::exception& error) {
        ++stats_.failures;
        if (trouble_ != error.what()) log::error(std::string{"the repair failed: "} + error.what());
        trouble_ = error.what();
        return failed_pause;
    }
}

void Keeper::change_to(Plan plan) {
    if (plan.ruleset == meant_->ruleset && plan.surroundings == meant_->surroundings) return;
    if (plan.surroundings == meant_->surroundings &&
        capture_->update_elements(meant_->ruleset, plan.ruleset)) {
        ++stats_.element_updates;
        ++installations_;
        meant_ = std::move(plan);
        capture_->look();
        log::notice("the machine changed: elements of sets were updated");
        return;
    }
    meant_ = std::move(plan);
    put_in_force();
    ++stats_.replacements;
    log::notice("the machine changed: the rules were replaced");
}

void Keeper::follow() {
    if (!capture_ || !meant_ || !orders_) return;
    try {
        if (capture_->pending()) return;
        settle_endpoints();
        plan_from(*orders_);
        fit_to_installed(setup_, *capture_);
        change_to(setup_.plan);
    } catch (const conf::Error& error) {
        for (const auto& one : error.diagnostics()) log::error(one.to_string());
        log::error("the rules stay as they are");
    } catch (const std::exception& error) {
        ++stats_.failures;
        log::error(std::string{error.what()} + ": the rules stay as they are");
    }
}

bool Keeper::depends_on_resolver() const {
    const auto& dns = setup_.config.redirect.dns;
    return meant_ && dns.enabled && dns.on_resolver_down == conf::OnResolverDown::open;
}

bool Keeper::has_no_news() const {
    return capture_ && meant_ && capture_->engine().name() == "iptables";
}

void Keeper::look_at_resolver() {
    if (!capture_ || !depends_on_resolver()) return;
    try {
        set_dns_open(!somebody_answers(setup_.config.redirect.dns));
    } catch (const std::exception& error) {
        ++stats_.failures;
        if (trouble_ != error.what()) log::error(std::string{"DNS capture: "} + error.what());
        trouble_ = error.what();
    }
}

void Keeper::set_dns_open(bool open) {
    if (open == dns_is_open_) return;
    if (!capture_->set_dns_open(open)) return;
    dns_is_open_ = open;
    ++stats_.dns_switches;
    const auto port = setup_.config.redirect.dns.port;
    log::warning(open ? "nobody listens on port " + std::to_string(port) +
                            ": DNS goes direct until somebody does"
                      : "somebody listens on port " + std::to_string(port) + ": DNS is captured");
    // The flows that are under way were decided about by the other state.
    if (open) static_cast<void>(end_captured({port}));
}

/// What was meant, with the endpoints that are alive. Not at each change of one: the whole is read.
void Keeper::settle_endpoints() {
    if (!std::exchange(endpoints_differ_, false)) return;
    capture_->look();
    if (const auto& installed = capture_->installed()) {
        static_cast<void>(keep_live(meant_->ruleset, setup_.host.vips, installed->ruleset));
    }
}

bool Keeper::update_vips(std::span<const VipUpdate> updates) {
    if (!capture_ || !meant_) return false;
    try {
        if (!capture_->update_vips(updates)) return false;
        ++stats_.element_updates;
        endpoints_differ_ = true;
        return true;
    } catch (const std::exception& error) {
        ++stats_.failures;
        if (trouble_ != error.what()) log::error(std::string{"endpoints: "} + error.what());
        trouble_ = error.what();
        return false;
    }
}

void Keeper::let_go(const std::string& who) {
    paused_for_ = who;
    capture_.reset();  // its socket: what it held may be changed now
    log::info("let go of the rules for " + printable(who));
}

void Keeper::take_orders(const PauseOutcome& outcome) {
    using What = PauseOutcome::What;
    if (outcome.what == What::to_confirm) orders_before_ = orders_;
    if (outcome.what == What::installed || outcome.what == What::to_confirm) {
        orders_ = outcome.orders;
    }
    if (outcome.what == What::put_back && orders_before_) orders_ = *orders_before_;
    if (outcome.what != What::to_confirm && outcome.what != What::broken_off) {
        orders_before_.reset();
    }
    if (!orders_) return;
    try {
        plan_from(*orders_);
    } catch (const std::exception& error) {
        log::warning(std::string{error.what()} + ": what is there does not follow the machine");
        orders_.reset();
    }
}

/// As its orders say, if they say that.
void Keeper::mean_what_is_there() {
    const auto pending = capture_->pending();
    setup_.spared_port = pending ? pending->spared : std::nullopt;
    plan_anew(setup_);
    fit_to_installed(setup_, *capture_);
    meant_ = setup_.plan;
    if (capture_->has_rules_of(*meant_)) return;
    if (orders_) {
        log::notice("what is installed is not what its configuration says now: it is kept as it "
                    "is, and does not follow the machine");
    }
    orders_.reset();
    meant_ = Plan{.ruleset = capture_->installed()->ruleset,
                  .surroundings = capture_->surroundings().ours(),
                  .notices = {}};
}

void Keeper::take_up(const PauseOutcome& outcome) {
    paused_for_.clear();
    damaged_by_.clear();
    damaged_at_.reset();
    dns_is_open_ = false;
    take_orders(outcome);
    capture_ = std::make_unique<Capture>(setup_.config.redirect, held_);
    if (outcome.what == PauseOutcome::What::broken_off) {
        if (meant_) adopt_or_replace();
        return;
    }
    const auto& installed = capture_->installed();
    if (!installed || !installed->ownership) {
        meant_.reset();
        log::notice("nothing is installed: there is nothing to guard");
        return;
    }
    mean_what_is_there();
    adopt_or_replace();
}

std::vector<std::string> Keeper::not_ready() const {
    std::vector<std::string> reasons;
    if (!paused_for_.empty()) {
        reasons.push_back("let go of the rules for " + printable(paused_for_));
    }
    if (paused_for_.empty() && !meant_) reasons.emplace_back("nothing is installed");
    if (!trouble_.empty()) reasons.push_back(printable(trouble_));
    if (!damaged_by_.empty()) reasons.push_back("damaged by " + damaged_by_);
    if (is_fight()) reasons.emplace_back("somebody damages the rules again and again");
    return reasons;
}

Counters Keeper::counters() {
    return capture_ ? capture_->counters() : Counters{};
}

}  // namespace meshgate::redirect
