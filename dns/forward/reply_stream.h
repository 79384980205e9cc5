#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::forward {

/// The receiving side of a TCP connection: bytes are read into it, messages come out in place, to
/// be changed there (RFC 1035 section 4.2.2: two bytes of length before each). Pure.
class ReplyStream {
public:
    /// Where the next bytes belong; never empty after next() has returned nothing.
    [[nodiscard]] std::span<std::uint8_t> space() noexcept {
        return std::span{bytes_}.subspan(end_);
    }
    /// So many bytes were read into space().
    void received(std::size_t bytes) noexcept { end_ += bytes; }

    /// The next whole message, of 0 to 65,535 bytes, valid until the next call of any member.
    std::optional<std::span<std::uint8_t>> next();

private:
    void make_room(std::size_t wanted);

    static constexpr std::size_t small_bytes = 4096;

    std::vector<std::uint8_t> bytes_ =
        std::vector<std::uint8_t>(small_bytes);  ///< 65,537 at most, and small again afterwards
    std::size_t begin_ = 0, end_ = 0;            ///< of what next() has not handed out
};

}  // namespace meshgate::dns::forward
