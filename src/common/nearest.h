#pragma once

#include <span>
#include <string_view>

namespace meshgate {

/// The candidate that a person most likely meant: the least edit distance (insert, delete, replace,
/// swap of neighbours), at most a third of the longer word. Empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace meshgate
