#pragma once

#include "conf/address.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dnsd {

/// Sends a query by UDP, by TCP when the answer is cut (TC), and waits for 6 s at most: the server
/// itself gives up on its upstreams sooner. Datagrams that are no answer to it are passed over.
/// @return none when nobody listens there. @throws std::runtime_error when no answer comes.
std::optional<std::vector<std::uint8_t>> ask_dns(const conf::SocketAddress& server,
                                                 std::span<const std::uint8_t> query);

}  // namespace meshgate::dnsd
