#include "src/common/json_string.h"
#include "src/meshgate-redirect/probing/probe_run.h"

#include <algorithm>
#include <string_view>

namespace meshgate::redirect {
namespace {

using Verdict = ProbeResult::Verdict;

std::string_view word(Verdict verdict) {
    switch (verdict) {
    case Verdict::right:
        return "right";
    case Verdict::wrong:
        return "wrong";
    case Verdict::unknown:
        return "unknown";
    }
    return "wrong";
}

std::string line_of(const ProbeResult& result) {
    auto text = std::string{word(result.verdict)} + ": " + result.probe + ": ";
    if (result.verdict == Verdict::right) return text + result.found + "\n";
    return text + "wanted " + result.wanted + ", found " + result.found + "\n";
}

}  // namespace

bool ProbeReport::is_right() const {
    return std::ranges::find(results, Verdict::wrong, &ProbeResult::verdict) == results.end();
}

std::string to_text(const ProbeReport& report) {
    std::string text;
    for (const auto& result : report.results) text += line_of(result);
    for (const auto& line : report.left_out) text += "not probed: " + line + "\n";
    return text;
}

std::string to_json(const ProbeReport& report) {
    std::string out = "[";
    for (const auto& one : report.results) {
        out += (out.size() == 1 ? "" : ",");
        out += "{\"probe\":" + json_string(one.probe) + ",\"wanted\":" + json_string(one.wanted) +
               ",\"found\":" + json_string(one.found) +
               ",\"verdict\":" + json_string(word(one.verdict)) + "}";
    }
    return out + "]";
}

}  // namespace meshgate::redirect
