#pragma once

#include "src/meshgate-redirect/setup.h"

namespace meshgate::redirect {

/// Whether packets go where the plan, which is in force, says (probe_policy()). What does not is an
/// error in the log.
/// @throws std::system_error
bool stands_the_probes(const Setup& setup);

}  // namespace meshgate::redirect
