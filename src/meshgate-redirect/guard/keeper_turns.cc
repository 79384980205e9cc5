#include "src/meshgate-redirect/guard/keeper.h"

#include "src/common/log.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/printable.h"

#include <exception>
#include <memory>
#include <system_error>

/// While somebody else changes the rules, and what is meant afterwards.
namespace meshgate::redirect {

using namespace netfilter;

void Keeper::let_go(const std::string& who) {
    paused_for_ = who;
    retry_.went_well();
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
}

/// What it says in files may be wrong by now; what the kernel refuses may go the next time.
void Keeper::plan_from_orders() {
    if (!orders_) return;
    try {
        plan_from(*orders_);
    } catch (const KernelError&) {
        throw;
    } catch (const std::system_error&) {
        throw;
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

std::optional<Keeper::Clock::duration> Keeper::take_up(const PauseOutcome& outcome) {
    using What = PauseOutcome::What;
    paused_for_.clear();
    damage_.reset();
    dns_is_open_ = false;
    take_orders(outcome);
    // What came of an earlier turn, and could not be taken up yet, is still so.
    if (outcome.what != What::broken_off || !unsettled_) unsettled_ = outcome.what;
    try {
        settle();
        went_well();
        return std::nullopt;
    } catch (const std::exception& error) {
        return failed("taking the rules up again", error);
    }
}

void Keeper::settle() {
    if (capture_) {
        capture_->look();
    } else {
        plan_from_orders();
        capture_ = std::make_unique<Capture>(setup_.config.redirect, held_);
    }
    if (*unsettled_ != PauseOutcome::What::broken_off) find_out_what_is_meant(*unsettled_);
    unsettled_ = PauseOutcome::What::broken_off;  // what is meant is known from here on
    if (meant_) adopt_or_replace();
    if (is_to_follow_) follow_now();
    unsettled_.reset();
}

void Keeper::find_out_what_is_meant(PauseOutcome::What what) {
    const auto& installed = capture_->installed();
    if (installed && installed->ownership) return mean_what_is_there();
    meant_.reset();
    if (what == PauseOutcome::What::installed && orders_) {
        meant_ = setup_.plan;  // somebody was faster, and took it away
        return;
    }
    log::notice("nothing is installed: there is nothing to guard");
}

}  // namespace meshgate::redirect
