#pragma once

#include "dns/wire/question.h"
#include "dns/zone/entry.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::zone {

/// A name that stands somewhere in the message being written.
struct PlacedName {
    std::size_t offset = 0;  ///< of its first label
    std::span<const std::uint8_t> name;

    /// The last `bytes` bytes of it: an ancestor, or itself.
    [[nodiscard]] PlacedName suffix(std::size_t bytes) const noexcept {
        return {offset + name.size() - bytes, name.last(bytes)};
    }
};

enum class Section : std::uint8_t { answer, authority };

/// Writes an answer straight into the outgoing buffer: the question first, as it came, then
/// records. What does not fit makes it an empty answer with TC=1 (RFC 2181 section 9).
class AnswerWriter {
public:
    /// @pre out holds the question and an OPT record.
    AnswerWriter(const wire::Question& question, std::size_t limit,
                 std::span<std::uint8_t> out) noexcept;

    [[nodiscard]] PlacedName qname() const noexcept {
        return {wire::header_bytes, question_.lower()};
    }

    /// All records of a set, in the answer section; addresses begin with another one in turn.
    void answer(const PlacedName& owner, const RrsetView& rrset) noexcept;
    /// One record. @return where its RDATA stands.
    std::size_t add(Section section, const PlacedName& owner, std::uint16_t type, std::uint32_t ttl,
                    std::span<const std::uint8_t> rdata) noexcept;

    /// Writes header and OPT. @return bytes of the message.
    std::size_t finish(wire::Rcode rcode) noexcept;

private:
    [[nodiscard]] std::size_t first_of(const RrsetView& rrset) const noexcept;

    const wire::Question& question_;
    std::span<std::uint8_t> out_;
    std::size_t end_;  ///< bytes that records may use: the limit without the OPT
    std::size_t at_;
    std::array<std::uint16_t, 2> counts_{};  ///< [Section]
    bool truncated_ = false;
};

}  // namespace meshgate::dns::zone
