#pragma once

#include "src/meshgate-redirect/doctor/facts.h"
#include "src/meshgate-redirect/doctor/finding.h"

#include <vector>

/// What the facts mean. Pure; each adds what it finds.
namespace meshgate::redirect {

using Findings = std::vector<Finding>;

void check_rules(const Facts& facts, Findings& findings);      // MG1xx
void check_guard(const Facts& facts, Findings& findings);      // MG111..
void check_others(const Facts& facts, Findings& findings);     // MG2xx
void check_conntrack(const Facts& facts, Findings& findings);  // MG3xx
void check_listeners(const Facts& facts, Findings& findings);  // MG4xx
void check_vips(const Facts& facts, Findings& findings);       // MG404..
void check_users(const Facts& facts, Findings& findings);      // MG5xx
void check_settings(const Facts& facts, Findings& findings);   // MG6xx
void check_lock_out(const Facts& facts, Findings& findings);   // MG7xx

/// All of them; errors first, then warnings, each by its code.
Findings check_all(const Facts& facts);

}  // namespace meshgate::redirect
