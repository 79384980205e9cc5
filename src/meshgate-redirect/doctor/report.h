#pragma once

#include "src/meshgate-redirect/doctor/finding.h"
#include "src/meshgate-redirect/probing/probe_run.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// What `doctor` says.
struct DoctorReport {
    std::vector<Finding> findings;
    std::vector<std::string> not_looked_at;
    std::optional<ProbeReport> probes;  ///< with --probe

    [[nodiscard]] bool has_errors() const;
};

/// {"schema":"meshgate-redirect.doctor/1", ...}, one line, a newline at the end.
std::string to_json(const DoctorReport& report);
/// The same for people.
std::string to_text(const DoctorReport& report);

}  // namespace meshgate::redirect
