#pragma once

#include "conf/config.h"

#include <string>
#include <utility>
#include <vector>

namespace meshgate::redirect {

/// What kumactl's flags say, over what the file says: a flag overrides the key that it stands for.
/// A list given twice is one list (kumactl keeps the last only, and the first ports are captured).
/// @throws UsageError for a value that is none, and for --redirect-dns together with
///         --redirect-all-dns-traffic.
/// @throws conf::Error when file and flags contradict each other.
void apply_flags(const std::vector<std::pair<std::string, std::string>>& flags,
                 conf::Config& config);

}  // namespace meshgate::redirect
