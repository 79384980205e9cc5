#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dnsd {

/// Two lower-case digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);

/// The other way round, digits of either case. None for anything else.
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view digits);

}  // namespace meshgate::dnsd
