#pragma once

#include "netfilter/plan/summary.h"
#include "netfilter/ruleset/counters.h"
#include "src/meshgate-redirect/confirm/pending.h"
#include "src/meshgate-redirect/guard/holder.h"
#include "src/meshgate-redirect/vip_view.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

enum class State : unsigned char { installed, differs, absent };

/// What `status` says.
struct StatusReport {
    State state = State::absent;
    std::string version;  ///< of the program that installed it; empty when absent or not ours
    std::string engine = "nftables";  ///< that holds the rules, or would
    std::string digest;
    netfilter::Summary summary;  ///< of the rules in the kernel; no family when absent
    std::optional<Pending> pending;  ///< it is to be confirmed yet
    std::vector<std::string> problems;
    netfilter::Counters counters{};  ///< what these rules have counted so far
    std::vector<VipView> vips{};     ///< that the kernel translates
    std::optional<Holder> holder{};  ///< nobody else can change the rules
};

/// {"schema":"meshgate-redirect.status/1", ...}, one line, a newline at the end.
std::string to_json(const StatusReport& report);
/// The same for people.
std::string to_text(const StatusReport& report);

}  // namespace meshgate::redirect
