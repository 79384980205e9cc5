#pragma once

#include <string>
#include <string_view>

namespace meshgate::netfilter {

/// SHA-256 (FIPS 180-4) as 64 hexadecimal digits. Written here because it is all of a cryptographic
/// library that this project would need, and nothing here is secret.
std::string sha256(std::string_view message);

}  // namespace meshgate::netfilter
