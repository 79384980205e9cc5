#include "src/common/log.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/confirm/exclusion.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/verbs.h"

namespace meshgate::redirect {
namespace {

ExitCode too_late() {
    log::error("too late: the previous state comes back just now");
    return ExitCode::failed;
}

/// The rules as they were planned, in the place of those with an exclusion for the meantime.
void put_planned(Capture& capture) {
    const auto& installed = capture.installed();
    if (!installed || !installed->ownership) return;
    const netfilter::Plan plan{.ruleset = without_spared_port(installed->ruleset),
                               .surroundings = capture.surroundings().ours(),
                               .notices = {}};
    const bool is_so = plan.ruleset == installed->ruleset && installed->ownership->confirm.empty();
    if (is_so && !capture.engine().has_remains()) return;
    capture.replace(plan);
}

ExitCode keep(Capture& capture, const std::optional<Watcher>& watcher) {
    // Told first: from then on nothing comes back by itself, whatever becomes of us.
    if (watcher && tell(*watcher, words::end) != words::done) return too_late();
    try {
        GuardPause pause{"confirm"};
        put_planned(capture);
        capture.forget_record();
        pause.end({.what = PauseOutcome::What::confirmed, .orders = {}});
    } catch (const std::exception&) {
        log::error("the new rules stay, but not all is done: meshgate-redirect confirm again");
        throw;
    }
    log::info("confirmed");
    return ExitCode::done;
}

ExitCode undo(Capture& capture, const std::optional<Watcher>& watcher) {
    if (watcher) {
        const auto answer = tell(*watcher, words::undo);
        if (answer == words::done) return ExitCode::done;
        if (!answer.empty()) {
            log::error("the previous state is not back: " + answer +
                       "; confirm --undo again, or install what shall be there");
        }
        return answer.empty() ? too_late() : ExitCode::failed;
    }
    const auto record = capture.recorded();
    if (!record || !record->is_whole) {
        log::error("the process that held the previous rules of iptables is gone: install what "
                   "shall be there, or uninstall");
        return ExitCode::failed;
    }
    try {
        GuardPause pause{"confirm --undo"};
        capture.put_back({.in_nftables = {.table = record->previous, .words = {}},
                          .in_iptables = {},
                          .surroundings = record->surroundings});
        capture.forget_record();
        pause.end({.what = PauseOutcome::What::put_back, .orders = {}});
    } catch (const std::exception&) {
        log::error("the previous state is not back: confirm --undo again, or install what shall "
                   "be there");
        throw;
    }
    log::info("the previous state is back");
    return ExitCode::done;
}

}  // namespace

ExitCode confirm(const Invocation& invocation) {
    Capture capture;
    const auto watcher = find_watcher();
    if (!watcher && !capture.pending()) {
        log::error("nothing waits to be confirmed: the time is over, or nobody installed with "
                   "--confirm (meshgate-redirect status says what is installed)");
        return ExitCode::absent;
    }
    return invocation.undo ? undo(capture, watcher) : keep(capture, watcher);
}

}  // namespace meshgate::redirect
