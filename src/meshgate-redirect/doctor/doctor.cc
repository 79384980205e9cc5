#include "conf/load.h"
#include "src/meshgate-redirect/doctor/checks.h"
#include "src/meshgate-redirect/doctor/report.h"
#include "src/meshgate-redirect/verbs.h"
#include "src/meshgate-redirect/wishes.h"

#include <filesystem>
#include <iostream>
#include <system_error>

namespace meshgate::redirect {
namespace {

/// What the probes are to do: what the configuration says, so that rules that somebody changed are
/// found out. Where nobody has written one, what was installed, perhaps with options.
netfilter::Ruleset policy_of(const Invocation& invocation, const Setup& setup,
                             const Facts& facts) {
    std::error_code error;
    const bool has_configuration =
        is_told(invocation) || std::filesystem::exists(conf::default_path, error);
    return has_configuration || !facts.is_installed ? setup.plan.ruleset : facts.rules;
}

std::vector<std::string> wrong_lines(const ProbeReport& probes) {
    std::vector<std::string> lines;
    for (const auto& one : probes.results) {
        if (one.verdict != ProbeResult::Verdict::wrong) continue;
        lines.push_back(one.probe + ": wanted " + one.wanted + ", found " + one.found);
    }
    return lines;
}

void send_probes(const netfilter::Ruleset& policy, const Facts& facts, DoctorReport& report) {
    report.probes = probe_policy(policy, facts.config, facts.host);
    auto wrong = wrong_lines(*report.probes);
    if (wrong.empty()) return;
    report.findings.push_back(finding("MG801", std::move(wrong)));
}

}  // namespace

ExitCode doctor(const Invocation& invocation) {
    Setup setup = make_setup(invocation);
    const Facts facts = gather_facts(setup);
    DoctorReport report{check_all(facts), facts.not_looked_at, std::nullopt};
    // After the looking: listeners of the probes are nobody's.
    if (invocation.send_probes) {
        send_probes(policy_of(invocation, setup, facts), facts, report);
    }
    std::cout << (invocation.json ? to_json(report) : to_text(report));
    return report.has_errors() ? ExitCode::failed : ExitCode::done;
}

}  // namespace meshgate::redirect
