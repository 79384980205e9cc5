#include "src/meshgate-redirect/probing/proof.h"

#include "src/common/log.h"
#include "src/meshgate-redirect/probing/probe_run.h"

#include <string>

namespace meshgate::redirect {

bool stands_the_probes(const Setup& setup) {
    const auto report = probe_policy(setup.plan.ruleset, setup.config, setup.host);
    for (const auto& one : report.results) {
        if (one.verdict == ProbeResult::Verdict::wrong) {
            log::error(one.probe + ": wanted " + one.wanted + ", found " + one.found);
        } else {
            log::info(one.probe + ": " + one.found);
        }
    }
    for (const auto& line : report.left_out) log::info("not probed: " + line);
    return report.is_right();
}

}  // namespace meshgate::redirect
