#include "src/meshgate-redirect/doctor/report.h"

#include "src/common/json_string.h"
#include "src/meshgate-redirect/printable.h"

#include <algorithm>

namespace meshgate::redirect {
namespace {

std::string json_strings(const std::vector<std::string>& list) {
    std::string out = "[";
    for (const auto& each : list) out += (out.size() == 1 ? "" : ",") + json_string(each);
    return out + "]";
}

std::string json_finding(const Finding& one) {
    return "{\"code\":" + json_string(one.entry->code) +
           ",\"severity\":" + json_string(word(one.severity)) +
           ",\"title\":" + json_string(one.entry->title) +
           ",\"meaning\":" + json_string(one.entry->meaning) +
           ",\"action\":" + json_string(one.entry->action) +
           ",\"details\":" + json_strings(one.details) + "}";
}

std::string text_finding(const Finding& one) {
    std::string text = std::string{word(one.severity)} + " " + std::string{one.entry->code} + ": " +
                       std::string{one.entry->title} + "\n";
    for (const auto& line : one.details) text += "    " + printable(line) + "\n";
    if (one.entry->meaning != "see each line") {
        text += "  meaning: " + std::string{one.entry->meaning} + "\n";
    }
    return text + "  to do:   " + std::string{one.entry->action} + "\n";
}

std::string count_words(const std::vector<Finding>& findings, Severity severity) {
    const auto count = std::ranges::count(findings, severity, &Finding::severity);
    return std::to_string(count) + " " + std::string{word(severity)} + (count == 1 ? "" : "s");
}

}  // namespace

bool DoctorReport::has_errors() const {
    return std::ranges::find(findings, Severity::error, &Finding::severity) != findings.end();
}

std::string to_json(const DoctorReport& report) {
    std::string out = "{\"schema\":\"meshgate-redirect.doctor/1\",\"findings\":[";
    std::string separator;
    for (const auto& one : report.findings) {
        out += separator + json_finding(one);
        separator = ",";
    }
    out += "],\"not_looked_at\":" + json_strings(report.not_looked_at);
    if (report.probes) {
        out += ",\"probes\":" + to_json(*report.probes) +
               ",\"not_probed\":" + json_strings(report.probes->left_out);
    }
    return out + "}\n";
}

std::string to_text(const DoctorReport& report) {
    std::string text = report.probes ? to_text(*report.probes) : "";
    for (const auto& one : report.findings) text += text_finding(one);
    for (const auto& line : report.not_looked_at) {
        text += "not looked at: " + printable(line) + "\n";
    }
    if (report.findings.empty()) return text + "nothing is wrong\n";
    return text + count_words(report.findings, Severity::error) + ", " +
           count_words(report.findings, Severity::warning) + ", " +
           count_words(report.findings, Severity::notice) + "\n";
}

}  // namespace meshgate::redirect
