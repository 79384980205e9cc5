#include "netfilter/ruleset/print.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/lines_diff.h"
#include "src/meshgate-redirect/printable.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/verbs.h"

#include <iostream>
#include <utility>

namespace meshgate::redirect {

ExitCode diff(const Invocation& invocation) {
    Setup setup = make_setup(invocation);
    Capture capture{setup.config.redirect};
    fit_to_installed(setup, capture);
    std::vector<std::string> lines;
    const auto planned = to_lines(capture.engine().form_of(setup.plan.ruleset));
    if (const auto& installed = capture.installed()) {
        lines = lines_diff(to_lines(installed->ruleset), planned);
        for (const auto& object : installed->unknown) lines.push_back("- " + object);
    } else {
        lines = lines_diff({}, planned);
    }
    for (auto& line : capture.misplacements()) lines.push_back("- " + std::move(line));
    for (const auto& line : capture.surroundings().differences(setup.plan.surroundings)) {
        lines.push_back(line);
    }
    for (const auto& line : lines) std::cout << printable(line) << '\n';
    return lines.empty() ? ExitCode::done : ExitCode::differs;
}

}  // namespace meshgate::redirect
