#include "dns/forward/reply_stream.h"

#include "dns/wire/bytes.h"

#include <algorithm>

namespace meshgate::dns::forward {
namespace {

constexpr std::size_t length_bytes = 2;

}  // namespace

std::optional<std::span<std::uint8_t>> ReplyStream::next() {
    std::size_t wanted = length_bytes;
    if (end_ - begin_ >= length_bytes) {
        const std::size_t size = wire::read16(bytes_, begin_);
        wanted += size;
        if (end_ - begin_ >= wanted) {
            const auto message = std::span{bytes_}.subspan(begin_ + length_bytes, size);
            begin_ += wanted;
            return message;
        }
    }
    make_room(wanted);
    return std::nullopt;
}

/// Moves what is left to the front, with room for the whole of the next frame.
void ReplyStream::make_room(std::size_t wanted) {
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
              bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
    end_ -= begin_;
    begin_ = 0;
    const std::size_t bytes = std::max({wanted, end_ + 1, small_bytes});
    if (bytes_.size() == bytes) return;
    bytes_.resize(bytes);
    if (bytes_.capacity() > bytes_.size() * 2) bytes_.shrink_to_fit();
}

}  // namespace meshgate::dns::forward
