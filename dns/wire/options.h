#pragma once

#include "dns/wire/question.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// EDNS is spoken from hop to hop (RFC 6891 section 6.1.1): what a client says of itself to us is
/// not what we say of ourselves to the next server, and back.
namespace meshgate::dns::wire {

/// Options about the way to the neighbour, not about the answer: cookie (RFC 7873), keepalive
/// (RFC 7828), padding (RFC 7830). None of them is spoken here, and none may be passed on.
constexpr bool is_between_neighbours(std::uint16_t option) noexcept {
    return option >= 10 && option <= 12;
}

/// Makes the OPT of a client's query ours: 1232 bytes, whatever the client itself can take, and no
/// option between neighbours. All else of it stays, and so does a query that has something behind
/// its OPT, which may be a signature of all before it (RFC 8945).
/// @param edns  of that query
void make_opt_ours(std::vector<std::uint8_t>& query, const Edns& edns);

/// Bytes of the options that may be passed on; what is behind one that is cut off is not.
std::size_t passed_option_bytes(std::span<const std::uint8_t> options) noexcept;

/// Writes the options that may be passed on. @pre out.size() >= passed_option_bytes(options), or
/// out begins where `options` does. @return that many.
std::size_t pass_options(std::span<const std::uint8_t> options,
                         std::span<std::uint8_t> out) noexcept;

}  // namespace meshgate::dns::wire
