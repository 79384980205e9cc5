#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The words of a Corefile.
namespace meshgate::conf::corefile {

/// "NXDOMAIN" to 3, whatever the case; codes that fit a header (0..10).
std::optional<std::uint8_t> parse_rcode(std::string_view word);

/// Go's durations: "5s", "1m30s", "500ms", "0"; at most a year. Empty for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view word);

/// A whole number of 0..max.
std::optional<std::uint32_t> parse_number(std::string_view word, std::uint32_t max);

/// A zone as ForwardTo::from: "Example.org." to "example.org", "." to "". Empty for what is no
/// name, a network ("10.0.0.0/8") too.
std::optional<std::string> parse_zone(std::string_view word);

std::string to_upper(std::string_view word);

}  // namespace meshgate::conf::corefile
