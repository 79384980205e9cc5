#include "netfilter/ruleset/print.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/drain.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/persistence.h"
#include "src/meshgate-redirect/printable.h"
#include "src/meshgate-redirect/turn.h"
#include "src/meshgate-redirect/verbs.h"

#include <iostream>
#include <utility>

namespace meshgate::redirect {
namespace {

/// What uninstall would remove, as `diff` writes it.
ExitCode dry_run(Capture& capture) {
    if (const auto& installed = capture.installed()) {
        for (const auto& line : netfilter::to_lines(installed->ruleset)) {
            std::cout << "- " << printable(line) << '\n';
        }
        for (const auto& object : installed->unknown) std::cout << printable("- " + object) << '\n';
    }
    for (const auto& line : capture.surroundings().differences({})) {
        std::cout << printable(line) << '\n';
    }
    return ExitCode::done;
}

constexpr auto uninstalled = PauseOutcome::What::uninstalled;

/// Who waits for a confirmation is dismissed when it is done: what does not go is taken back by it.
bool remove(Capture& capture, GuardPause& guard) {
    auto [removed, dismissal] = [&] {
        const Turn turn;
        const bool was_there = capture.remove();
        return std::pair{was_there, Dismissal{}};
    }();
    guard.end({.what = uninstalled, .orders = {}});
    dismissal.wait();
    return removed;
}

void report_forgotten() {
    if (forget()) log::notice("taken out of firewalld's direct.xml: ours");
}

}  // namespace

// The configuration is not even read: the user may be gone, the file changed.
ExitCode uninstall(const Invocation& invocation) {
    Capture capture;
    const bool dry = invocation.dry_run.value_or(false);
    if (dry && !capture.is_foreign()) return dry_run(capture);
    if (capture.has_foreign_table()) {
        if (!dry) capture.remove();
        log::error("the table inet meshgate was not made by meshgate-redirect and is left alone");
        return ExitCode::failed;
    }
    GuardPause pause{"uninstall"};
    if (capture.installed() && (invocation.drain || invocation.flush_connections)) {
        drain(capture, {.at_most = invocation.drain.value_or(std::chrono::seconds{0}),
                        .flush_connections = invocation.flush_connections});
        pause.end({.what = uninstalled, .orders = {}});
        report_forgotten();
        return ExitCode::done;
    }
    const bool removed = remove(capture, pause);
    report_forgotten();
    log::info(removed ? "uninstalled" : "nothing is installed");
    return ExitCode::done;
}

}  // namespace meshgate::redirect
