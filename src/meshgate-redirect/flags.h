#pragma once

#include "conf/kuma/settings.h"
#include "src/common/command_line.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace meshgate::redirect {

/// All flags of `kumactl install transparent-proxy`, those of older releases too.
std::span<const Option> kumactl_flags();

/// What kumactl's flags say, over what `wishes` say already: a flag overrides the key that it
/// stands for. A list given twice is one list (kumactl keeps the last list of ports only, and the
/// first ports are captured).
/// @throws UsageError for a value that is none, for --redirect-dns together with
///         --redirect-all-dns-traffic, and for a flag that nothing is equal to today.
void apply_flags(const std::vector<std::pair<std::string, std::string>>& flags,
                 conf::kuma::Wishes& wishes);

}  // namespace meshgate::redirect
