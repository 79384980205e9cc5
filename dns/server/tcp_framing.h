#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::server {

inline constexpr std::size_t length_bytes = 2;  ///< before each message (RFC 1035 section 4.2.2)

/// Cuts a TCP stream into messages: two bytes of length, then as many bytes (RFC 1035 section
/// 4.2.2), whatever the segment borders.
///
/// Messages that lie whole in what was read are handed out in place. Pure; what it keeps is at most
/// one message and what was last read.
class TcpFraming {
public:
    /// Takes what was read. @pre the span before it was used up by next() or saved by keep().
    void feed(std::span<const std::uint8_t> bytes) noexcept { view_ = bytes; }

    /// The next whole message, valid until the next call of any member; empty when there is none.
    /// A length of 0 is a message of 0 bytes.
    std::optional<std::span<const std::uint8_t>> next();

    /// Copies what next() has not handed out, so that the span given to feed() may go.
    void keep();

    [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_.size() - used_; }

private:
    void compact();

    std::span<const std::uint8_t> view_;
    std::vector<std::uint8_t> kept_;  ///< bytes before `view_` in the stream
    std::size_t used_ = 0;            ///< of kept_, handed out already
};

}  // namespace meshgate::dns::server
