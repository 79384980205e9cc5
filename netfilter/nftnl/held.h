#pragma once

#include <cstdint>

namespace meshgate::netfilter {

/// Whether only the socket that makes a table may change it (NFT_TABLE_F_OWNER), the table
/// outliving the socket (NFT_TABLE_F_PERSIST, Linux 6.9).
enum class Held : std::uint8_t { no, yes };

}  // namespace meshgate::netfilter
