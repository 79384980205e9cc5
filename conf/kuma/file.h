#pragma once

#include "conf/kuma/settings.h"

#include <string>
#include <string_view>

namespace meshgate::conf::kuma {

/// Kuma's YAML or JSON, as opposed to our TOML: by the file's name (.yaml, .yml, .json; .toml),
/// else by the first line that says something.
bool is_kuma_file(std::string_view name, std::string_view text);

/// What a file of Kuma's transparent proxy says, over what `to` says already: lists are replaced.
/// Strict, unlike Kuma: unknown keys (with the nearest), keys given twice and values of the wrong
/// type are errors.
/// @throws Error with everything that is wrong, up to 100, each with its place.
void apply_file(std::string_view text, const std::string& name, Wishes& to);

}  // namespace meshgate::conf::kuma
