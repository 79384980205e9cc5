#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::wire {

/// "svc.Mesh" (a trailing dot is allowed, "" and "." are the root) to lower-case wire form. Empty
/// for no name: an empty label, a label over 63 or a name over 255 bytes. No escapes: configured
/// names have none.
std::vector<std::uint8_t> to_wire(std::string_view name);

/// Back to text, no trailing dot ("." for the root); bytes that are no letter, digit, '-' or '_' as
/// \DDD (RFC 4343 section 2.1).
std::string to_text(std::span<const std::uint8_t> wire_name);

}  // namespace meshgate::dns::wire
