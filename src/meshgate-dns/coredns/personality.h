#pragma once

#include "src/common/exit_code.h"

#include <span>

namespace meshgate::coredns {

/// Runs as coredns does. @param arguments  without the program's name.
/// @throws UsageError, conf::Error and what Service does: before anything is served.
ExitCode run(std::span<const char* const> arguments);

}  // namespace meshgate::coredns
