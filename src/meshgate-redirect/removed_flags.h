#pragma once

#include "src/common/command_line.h"

#include <span>
#include <string>
#include <utility>

namespace meshgate::redirect {

/// Flags that older releases of kumactl had.
std::span<const Option> removed_flags();

/// What one of them is today: another flag, or one whose name is empty for what means nothing any
/// more. A flag that was not removed comes back as it is.
/// @throws UsageError that says what to write instead, where nothing is equal.
std::pair<std::string, std::string> todays_flag(const std::string& flag, const std::string& value);

}  // namespace meshgate::redirect
