#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meshgate::dns::records {

/// "A", "HTTPS"; "TYPE65280" for those without a mnemonic (RFC 3597 section 5).
std::string type_word(std::uint16_t type);

/// Back to the number, "ANY" to 255; empty for what is no type.
std::optional<std::uint16_t> parse_type(std::string_view word);

}  // namespace meshgate::dns::records
