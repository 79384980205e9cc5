#pragma once

#include "dns/cache/storable.h"
#include "dns/wire/question.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::cache {

/// What an answer is kept under. A validating client (DO, CD) is told other things than others.
struct Key {
    std::span<const std::uint8_t> lower_qname;
    std::uint16_t qtype;  ///< 0: every type
    bool dnssec_ok, checking_disabled;
};

/// An entry of the ring: this head, then the offsets of the TTLs, then the beginning of a message
/// whose question is in lower case and whose id is 0.
struct Stored {
    std::uint32_t bytes;  ///< of all three, a multiple of 8
    std::uint32_t hash;
    std::uint32_t stored_at;  ///< seconds of the cache's clock
    std::uint32_t ttl;        ///< seconds it is fresh
    std::uint32_t
        quiet_until;  ///< no other query upstream for it before: it is being asked for, or failed
    std::uint16_t message_bytes;
    std::uint16_t qname_bytes;
    std::uint16_t qtype;  ///< 0: every type
    std::uint16_t records;
    Kind kind;
    std::uint8_t hits;  ///< since it was stored, less one for each time it was spared; at most 255
    bool dnssec_ok, checking_disabled;
    bool live;  ///< false: the space is only waiting for its turn

    [[nodiscard]] std::span<std::uint16_t> ttl_offsets() noexcept {
        return {reinterpret_cast<std::uint16_t*>(this + 1), records};
    }
    [[nodiscard]] std::span<std::uint8_t> message() noexcept {
        return {reinterpret_cast<std::uint8_t*>(this + 1) + std::size_t{records} * 2,
                message_bytes};
    }
    [[nodiscard]] std::span<const std::uint8_t> message() const noexcept {
        return {reinterpret_cast<const std::uint8_t*>(this + 1) + std::size_t{records} * 2,
                message_bytes};
    }
    [[nodiscard]] std::span<const std::uint16_t> ttl_offsets() const noexcept {
        return {reinterpret_cast<const std::uint16_t*>(this + 1), records};
    }
    [[nodiscard]] std::span<const std::uint8_t> lower_qname() const noexcept {
        return message().subspan(wire::header_bytes, qname_bytes);
    }
    [[nodiscard]] bool is(const Key& key) const noexcept;
    [[nodiscard]] std::uint32_t age(std::uint32_t now) const noexcept { return now - stored_at; }
    [[nodiscard]] bool is_fresh(std::uint32_t now) const noexcept { return age(now) < ttl; }
};

/// Bytes in the ring for such an entry.
std::size_t stored_bytes(std::size_t records, std::size_t message_bytes) noexcept;

/// Fills the entry's message from a reply. @pre the sizes are set.
/// @param ttl_max  seconds, at least storable.ttl; records that live longer are shortened to it.
void fill(Stored& entry, const Storable& storable, std::uint32_t ttl_max,
          std::span<const std::uint8_t> reply) noexcept;
/// Fills the entry's message with a header and the question: SERVFAIL.
void fill_failure(Stored& entry, const wire::Question& question) noexcept;

enum class Freshness : std::uint8_t { fresh, stale };

/// Writes the answer to `question`: its id, its spelling and its OPT, TTLs less the time that it
/// was kept (stale: 30, RFC 8767 section 4). Cut to an empty one with TC=1 above `limit`.
/// @pre out.size() >= limit, or >= 1232. @return bytes written.
std::size_t write_answer(const Stored& entry, const wire::Question& question, std::uint32_t now,
                         Freshness freshness, std::size_t limit,
                         std::span<std::uint8_t> out) noexcept;

}  // namespace meshgate::dns::cache
