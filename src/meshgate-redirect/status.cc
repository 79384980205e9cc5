#include "conf/load.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/confirm/exclusion.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/drain.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/status_report.h"
#include "src/meshgate-redirect/verbs.h"
#include "src/meshgate-redirect/wishes.h"
#include "src/users/users.h"

#include "netfilter/ruleset/print.h"

#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

namespace meshgate::redirect {
namespace {

/// Somebody said what should be there. Otherwise what is there is taken as meant: it may have been
/// installed with flags.
bool has_configuration(const Invocation& invocation) {
    std::error_code error;
    return is_told(invocation) || std::filesystem::exists(conf::default_path, error);
}

/// The setup, where there is one. A default file that is broken is a problem of the file.
std::optional<Setup> find_setup(const Invocation& invocation, std::vector<std::string>& problems) {
    if (!has_configuration(invocation)) return std::nullopt;
    try {
        return make_setup(invocation);
    } catch (const conf::Error& error) {
        if (is_told(invocation)) throw;
        for (const auto& one : error.diagnostics()) problems.push_back(one.to_string());
    } catch (const UnknownUser& error) {
        if (is_told(invocation)) throw;
        problems.emplace_back(error.what());
    }
    return std::nullopt;
}

void add_table_problems(const Capture& capture, std::vector<std::string>& problems) {
    for (const auto& object : capture.installed()->unknown) {
        problems.push_back("not as installed: " + object);
    }
    if (capture.installed()->unknown.empty() && capture.was_changed()) {
        problems.emplace_back("the rules are not those that were installed");
    }
}

/// The rules without what is only there until they are confirmed, as they would be read back.
netfilter::Ruleset planned(Capture& capture) {
    const auto& installed = capture.installed()->ruleset;
    auto without = without_spared_port(installed);
    return without == installed ? installed : capture.engine().form_of(without);
}

void add_pending(Capture& capture, StatusReport& report) {
    if (const auto watcher = find_watcher()) {
        report.pending = watcher->pending;
        return;
    }
    report.pending = capture.pending();
    if (!report.pending) return;
    report.problems.emplace_back("it was never confirmed, and the process that was to put the "
                                 "previous state back is gone: confirm, or confirm --undo");
}

void add_plan_problems(Capture& capture, const netfilter::Plan& plan,
                       std::vector<std::string>& problems) {
    const auto& ownership = *capture.installed()->ownership;
    for (auto& line : capture.misplacements()) problems.push_back(std::move(line));
    if (ownership.format != netfilter::table_format) {
        problems.emplace_back("installed by a version of another format: install again");
    } else if (planned(capture) != capture.engine().form_of(plan.ruleset)) {
        problems.emplace_back(
            "the rules are not those of the configuration: it was changed since, or install was "
            "given flags that it does not have");
    }
    for (const auto& line : capture.surroundings().differences(plan.surroundings)) {
        problems.push_back((line.starts_with("+") ? "missing: " : "not wanted: ") + line.substr(2));
    }
}

/// Of rules in iptables, the drain's table is there before they go: they capture till then.
void add_drain(const Capture& capture, std::string line, StatusReport& report) {
    report.summary = {};
    if (capture.also_installed()) {
        report.summary = summarize(capture.also_installed()->ruleset);
        line = "a drain has begun, and the rules of iptables are still there";
    }
    report.problems.push_back(std::move(line));
}

StatusReport make_report(Capture& capture, const std::optional<Setup>& setup) {
    StatusReport report;
    report.engine = capture.engine().name();
    const auto& installed = capture.installed();
    if (!installed) {
        for (const auto& line : capture.surroundings().differences({})) {
            report.problems.push_back("left behind: " + line.substr(2));
        }
        add_pending(capture, report);
        return report;
    }
    report.summary = summarize(installed->ruleset);
    add_pending(capture, report);
    if (capture.is_foreign()) {
        report.problems.emplace_back("the table inet meshgate was not made by meshgate-redirect");
    } else {
        report.version = installed->ownership->version;
        report.digest = installed->ownership->digest;
        report.counters = capture.counters();
        report.vips = view_vips(installed->ruleset,
                                setup ? setup->host.vips : std::vector<netfilter::VipService>{});
        add_connections(report.vips);
        if (installed->is_held) report.holder = find_holder();
        add_table_problems(capture, report.problems);
        if (auto line = draining_line(installed->ruleset)) {
            add_drain(capture, *std::move(line), report);
        } else if (setup) {
            add_plan_problems(capture, setup->plan, report.problems);
        }
    }
    report.state = report.problems.empty() ? State::installed : State::differs;
    return report;
}

ExitCode exit_code(State state) {
    if (state == State::absent) return ExitCode::absent;
    return state == State::differs ? ExitCode::differs : ExitCode::done;
}

}  // namespace

ExitCode status(const Invocation& invocation) {
    std::vector<std::string> file_problems;
    auto setup = find_setup(invocation, file_problems);
    Capture capture{setup ? setup->config.redirect : conf::Redirect{}};
    if (setup) fit_to_installed(*setup, capture);
    auto report = make_report(capture, setup);
    report.problems.insert(report.problems.end(), file_problems.begin(), file_problems.end());
    std::cout << (invocation.json ? to_json(report) : to_text(report));
    return exit_code(report.state);
}

}  // namespace meshgate::redirect
