#pragma once

#include "conf/address.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// Queries made by hand, and what to look at in replies.
namespace meshgate::test {

using Bytes = std::vector<std::uint8_t>;

/// A query; with `edns_size` it carries an OPT.
Bytes query(std::uint16_t id, std::string_view name, std::uint16_t type = 1,
            std::optional<std::uint16_t> edns_size = std::nullopt);

std::uint16_t id_of(std::span<const std::uint8_t> message);
unsigned rcode_of(std::span<const std::uint8_t> message);
bool is_truncated(std::span<const std::uint8_t> message);
/// INFO-CODE of the first extended error in the last 6 bytes of `message`; none without one.
std::optional<unsigned> extended_error(std::span<const std::uint8_t> message);

conf::SocketAddress address(std::string_view text, std::uint16_t port = 0);

}  // namespace meshgate::test
