#pragma once

#include "netfilter/ruleset/ruleset.h"
#include "src/meshgate-redirect/probing/planned_probe.h"

#include <cstdint>
#include <string>
#include <vector>

namespace meshgate::redirect {

struct ProbeResult {
    enum class Verdict : std::uint8_t {
        right,    ///< it came where it was to come, and was heard there
        wrong,    ///< it did not
        unknown,  ///< it did not arrive, which may be somebody's firewall, as it is none of ours
    };
    std::string probe;   ///< in words
    std::string wanted;  ///< "port 15001", "straight"
    std::string found;   ///< the same, or what went wrong
    Verdict verdict = Verdict::wrong;
};

struct ProbeReport {
    std::vector<ProbeResult> results;
    std::vector<std::string> left_out;  ///< what could not be probed, and why

    [[nodiscard]] bool is_right() const;  ///< none is wrong
};

/// Sends real packets over every path of `rules`, all at once. They are there within milliseconds;
/// for what is silent it waits two seconds. Nothing leaves this machine. Whoever listens at the redirect ports is left alone; where
/// nobody does, listeners of this program are there for that time.
/// @throws std::system_error, EPERM without CAP_NET_ADMIN and CAP_SYS_ADMIN
ProbeReport probe_policy(const netfilter::Ruleset& rules, const conf::Config& config,
                         const netfilter::Host& host);

std::string to_text(const ProbeReport& report);
/// An array.
std::string to_json(const ProbeReport& report);

}  // namespace meshgate::redirect
