#include "src/meshgate-redirect/doctor/checks.h"

#include <string>

namespace meshgate::redirect {
namespace {

std::string words_of_guard(const GuardView& guard) {
    std::string words = "process " + std::to_string(*guard.pid);
    if (!guard.command_line.empty()) words += ": " + guard.command_line;
    return words;
}

std::vector<std::string> repairs_of(const GuardView& guard) {
    std::vector<std::string> lines;
    for (const auto& [program, count] : guard.repairs) {
        lines.push_back(program + ": its damage was repaired " + count +
                        (count == "1" ? " time" : " times"));
    }
    return lines;
}

void check_running(const Facts& facts, const GuardView& guard, Findings& findings) {
    findings.push_back(finding(
        "MG112", {words_of_guard(guard),
                  facts.is_held ? "nobody else can change the rules"
                              : "others can change the rules; it repairs what they do"}));
    if (facts.is_installed && facts.differs_from_plan && facts.draining.empty()) {
        findings.push_back(finding("MG113", {words_of_guard(guard)}));
    }
    if (guard.is_fight) {
        findings.push_back(finding("MG114", repairs_of(guard)));
    } else if (!guard.complaints.empty()) {
        findings.push_back(finding("MG115", guard.complaints));
    }
}

}  // namespace

void check_guard(const Facts& facts, Findings& findings) {
    const auto& guard = facts.guard;
    if (guard.pid) {
        check_running(facts, guard, findings);
    } else if (guard.is_wanted) {
        findings.push_back(finding("MG111", {guard.wanted_by}));
    }
}

}  // namespace meshgate::redirect
