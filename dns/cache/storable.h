#pragma once

#include "dns/wire/question.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// Answers of others, kept while they are valid. Pure: no I/O, no clock of its own, no exception
/// after construction; every reply is hostile.
namespace meshgate::dns::cache {

inline constexpr std::size_t stored_records_max = 96;
inline constexpr std::size_t stored_message_bytes_max = 8192;
inline constexpr std::uint32_t positive_ttl_max = 86400;  ///< seconds: a day
inline constexpr std::uint32_t negative_ttl_max = 300;    ///< RFC 2308 section 5 allows three hours
inline constexpr std::uint32_t failure_ttl = 5;  ///< RFC 9520 section 3.2: 1 s to 5 minutes

enum class Kind : std::uint8_t {
    positive,
    nodata,
    nxdomain,  ///< holds for every type of the name
    failure    ///< no upstream had an answer
};

/// What of a reply may be kept: a beginning of it. Records that the question does not justify never
/// enter, whatever else is right about the reply (RFC 5452 section 6, RFC 2181 section 5.4.1).
struct Storable {
    Kind kind = Kind::positive;
    std::uint32_t ttl = 0;  ///< seconds it is fresh; never 0
    std::size_t bytes = 0;  ///< of the reply, from its first: header, question, records
    std::uint16_t answers = 0, authority = 0;
    std::size_t records = 0;  ///< how many of ttl_offsets
    std::array<std::uint16_t, stored_records_max> ttl_offsets;

    /// An NXDOMAIN is about the name, not about the type that was asked for (RFC 2308 section 5).
    /// At the end of a chain of CNAMEs it is about another name.
    [[nodiscard]] bool holds_for_all_types() const noexcept {
        return kind == Kind::nxdomain && answers == 0;
    }
};

/// Whether the cache may answer the question, and keep its reply: class IN, and no option that
/// makes the answer one for this client (ECS, or one that nobody here knows).
bool may_be_cached(const wire::Question& question) noexcept;

/// Judges a reply that matched its question on address, port, id and question.
///
/// Kept are the answers, if each belongs to the chain of CNAMEs that begins at the question (and,
/// with DO, its signature), in the order of the chain; without an answer at the end of the chain,
/// the SOA of the authority section, of a zone that the name is in (and, with DO, its proof).
/// @return none for what must not be kept: truncated, another rcode than NOERROR and NXDOMAIN, TTL
///   0, no SOA where one is needed, a record that is not justified, too large; ANY and transfers.
std::optional<Storable> judge(const wire::Question& question,
                              std::span<const std::uint8_t> reply) noexcept;

}  // namespace meshgate::dns::cache
