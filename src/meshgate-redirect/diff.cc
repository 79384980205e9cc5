#include "netfilter/ruleset/print.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/lines_diff.h"
#include "src/meshgate-redirect/printable.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/verbs.h"

#include <iostream>

namespace meshgate::redirect {

ExitCode diff(const Invocation& invocation) {
    Setup setup = make_setup(invocation);
    require_engine(setup);
    Capture capture;
    fit_to_installed(setup, capture);
    std::vector<std::string> lines;
    const auto planned = to_lines(setup.plan.ruleset);
    if (const auto& installed = capture.installed()) {
        lines = lines_diff(to_lines(installed->ruleset), planned);
        for (const auto& object : installed->unknown) lines.push_back("- " + object);
    } else {
        lines = lines_diff({}, planned);
    }
    for (const auto& line : capture.surroundings().differences(setup.plan.surroundings)) {
        lines.push_back(line);
    }
    for (const auto& line : lines) std::cout << printable(line) << '\n';
    return lines.empty() ? ExitCode::done : ExitCode::differs;
}

}  // namespace meshgate::redirect
