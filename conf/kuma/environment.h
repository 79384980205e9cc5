#pragma once

#include "conf/kuma/settings.h"

#include <span>
#include <string>

namespace meshgate::conf::kuma {

/// What the variables KUMA_TRANSPARENT_PROXY_... say, over what `to` says already. Each is
/// "NAME=value"; others are not looked at, and one with an empty value is as if it were not set.
/// @throws Error for a value that is none, and for a variable of that prefix that Kuma does not
///         have, with the nearest that it has.
void apply_environment(std::span<const std::string> variables, Wishes& to);

/// The variables of this process that have that prefix and a value.
std::vector<std::string> process_environment();

}  // namespace meshgate::conf::kuma
