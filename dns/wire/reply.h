#pragma once

#include "dns/wire/question.h"

#include <cstdint>
#include <span>

namespace meshgate::dns::wire {

enum class Letters : std::uint8_t { as_sent, any_case };

/// True when `reply` answers `sent`, a query as it went upstream: QR=1, opcode QUERY, the same id,
/// exactly one question, its name the same byte for byte, type and class equal (RFC 5452
/// section 9.1). A reply without any question is accepted with the rcodes that servers send so
/// (FORMERR, NOTIMP, SERVFAIL, REFUSED). And it is whole: it has the records that it counts, unless
/// it says that it was cut (TC); a fragment of a reply is no reply to stop waiting for.
///
/// @param letters  any_case: the name may be in other letter case.
bool matches(std::span<const std::uint8_t> reply, std::span<const std::uint8_t> sent,
             Letters letters = Letters::as_sent) noexcept;

/// What becomes of the options of a reply's OPT: they are for whoever asked the upstream, not for
/// others who wait for the same.
enum class ReplyOptions : std::uint8_t { drop, pass };

/// Writes `reply`, which answered a query of the same name, type and class, as the answer to
/// `question`: with its id, its spelling, its RD and CD, and an OPT of ours if it has one, none
/// otherwise. Options between neighbours are never passed. Cut to an empty one with TC=1 above
/// `limit`.
/// @pre out.size() >= question.end() + 32. @return bytes written; 0: the reply is malformed, or is
/// one to another question.
std::size_t write_relayed(std::span<const std::uint8_t> reply, const Question& question,
                          ReplyOptions options, std::size_t limit,
                          std::span<std::uint8_t> out) noexcept;

/// @pre reply.size() >= header_bytes
inline Rcode header_rcode(std::span<const std::uint8_t> reply) noexcept {
    return static_cast<Rcode>(reply[3] & 0x0f);
}
inline bool is_truncated(std::span<const std::uint8_t> reply) noexcept {
    return (reply[2] & 0x02) != 0;
}

}  // namespace meshgate::dns::wire
