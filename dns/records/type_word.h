#pragma once

#include <cstdint>
#include <string>

namespace meshgate::dns::records {

/// "A", "HTTPS"; "TYPE65280" for those without a mnemonic (RFC 3597 section 5).
std::string type_word(std::uint16_t type);

}  // namespace meshgate::dns::records
