#pragma once

#include "dns/forward/random.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::forward {

/// How a client spelt a question's name, for when it is asked in another case: random letters are
/// something more to guess for who wants to spoof the reply, as a server copies the question as it
/// came (draft-vixie-dnsext-dns0x20).
class Spelling {
public:
    /// Takes the name of `message`, a query.
    void remember(std::span<const std::uint8_t> message) noexcept;
    void forget() noexcept { name_bytes_ = 0; }
    [[nodiscard]] bool is_known() const noexcept { return name_bytes_ != 0; }

    /// The letters in random case. @pre the query that was remembered
    void mix(std::span<std::uint8_t> message, Random& random) const noexcept;

    /// The letters in lower case. @pre the query that was remembered
    void lower(std::span<std::uint8_t> message) const noexcept;

    /// The letters as they were, in a message with the same question, whatever case they are in
    /// there; nothing in one without a question.
    void restore(std::span<std::uint8_t> message) const noexcept;

private:
    std::size_t name_bytes_ = 0;            ///< 0: nothing is remembered
    std::array<std::uint8_t, 32> upper_{};  ///< a bit for each byte: an upper-case letter
};

}  // namespace meshgate::dns::forward
