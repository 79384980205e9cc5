#pragma once

#include <cstdint>
#include <vector>

namespace meshgate::dns::server {

/// Search domains, in lower-case wire form: a name that we own, asked for with one of them behind
/// it, is answered as an alias of itself.
using SearchList = std::vector<std::vector<std::uint8_t>>;

}  // namespace meshgate::dns::server
