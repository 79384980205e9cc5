#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meshgate::health {

/// Takes the framing off a body: by its length, in chunks (RFC 9112 section 7.1), or up to the end
/// of the connection. Keeps nothing of it. (Beast's reader of chunks, in Boost 1.74, fails an
/// assertion at some that are malformed.)
class HttpBody {
public:
    /// @param length  Content-Length; not looked at for chunks
    HttpBody(bool chunked, std::optional<std::uint64_t> length) noexcept
        : state_(chunked ? State::size : State::data), chunked_(chunked),
          left_(chunked ? std::nullopt : length) {}

    /// The next part of the body that is in `bytes`, which loses what was read. Empty when `bytes`
    /// has no more of it.
    std::string_view next(std::string_view& bytes) noexcept;

    [[nodiscard]] bool is_done() const noexcept {
        return state_ == State::done || (!chunked_ && left_ == 0);
    }
    [[nodiscard]] bool is_malformed() const noexcept { return state_ == State::malformed; }

private:
    enum class State : unsigned char { size, extension, data, data_end, done, malformed };

    void read_framing(char byte) noexcept;
    void read_size(char byte) noexcept;
    void begin_data() noexcept;

    State state_;
    bool chunked_;
    unsigned digits_ = 0;                ///< of a chunk's size
    std::optional<std::uint64_t> left_;  ///< of the chunk, or the body; none: to the end
    std::uint64_t size_ = 0;
};

}  // namespace meshgate::health
