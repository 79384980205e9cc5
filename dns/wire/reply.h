#pragma once

#include "dns/wire/question.h"

#include <cstdint>
#include <span>

namespace meshgate::dns::wire {

/// True when `reply` answers `sent`, a query as it went upstream: QR=1, opcode QUERY, the same id,
/// exactly one question, its name the same byte for byte, type and class equal (RFC 5452
/// section 9.1). A reply without any question is accepted with the rcodes that servers send so
/// (FORMERR, NOTIMP, SERVFAIL, REFUSED).
bool matches(std::span<const std::uint8_t> reply, std::span<const std::uint8_t> sent) noexcept;

/// @pre reply.size() >= header_bytes
inline Rcode header_rcode(std::span<const std::uint8_t> reply) noexcept {
    return static_cast<Rcode>(reply[3] & 0x0f);
}
inline bool is_truncated(std::span<const std::uint8_t> reply) noexcept {
    return (reply[2] & 0x02) != 0;
}

}  // namespace meshgate::dns::wire
