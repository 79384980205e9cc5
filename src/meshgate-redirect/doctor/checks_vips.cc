#include "src/meshgate-redirect/doctor/checks.h"

#include "netfilter/ruleset/words.h"
#include "src/meshgate-redirect/vip_view.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace meshgate::redirect {
namespace {

constexpr std::size_t lines_max = 20;

std::string name_of(const VipView& vip) {
    return (vip.service.empty() ? "" : "service '" + vip.service + "', ") +
           std::string{netfilter::word(vip.protocol)} + " " + vip.address.to_string();
}

/// The first lines, and how many more there would be: there may be a hundred thousand.
void add(Findings& findings, std::string_view code, std::vector<std::string> lines) {
    if (lines.empty()) return;
    if (lines.size() > lines_max) {
        const auto more = lines.size() - lines_max;
        lines.resize(lines_max);
        lines.push_back("and " + std::to_string(more) + " more");
    }
    findings.push_back(finding(code, std::move(lines)));
}

}  // namespace

void check_vips(const Facts& facts, Findings& findings) {
    std::vector<std::string> refused, reduced;
    for (const auto& vip : view_vips(facts.rules, facts.host.vips)) {
        const auto is_out = [](const EndpointView& endpoint) { return endpoint.slots == 0; };
        const auto out = static_cast<std::size_t>(std::ranges::count_if(vip.endpoints, is_out));
        const auto all = vip.endpoints.size();
        if (all == 0) {
            refused.push_back(name_of(vip) + ": it has none");
        } else if (out == all) {
            refused.push_back(name_of(vip) + ": all " + std::to_string(all) + " are taken out");
        }
        if (out == 0 || out == all) continue;
        for (const auto& endpoint : vip.endpoints) {
            if (is_out(endpoint)) {
                reduced.push_back(name_of(vip) + ": " + endpoint.endpoint.to_string());
            }
        }
    }
    add(findings, "MG404", std::move(refused));
    add(findings, "MG405", std::move(reduced));
}

}  // namespace meshgate::redirect
