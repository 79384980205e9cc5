#include "dns/server/tcp_framing.h"

#include <algorithm>

namespace meshgate::dns::server {

namespace {

constexpr std::size_t kept_bytes_max = 4096;  ///< more is given back once it is used up

/// Bytes of the frame that starts here: as far as it is known, 2 without the length.
std::size_t frame_bytes(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() < length_bytes) return length_bytes;
    return length_bytes + (std::size_t{bytes[0]} << 8 | bytes[1]);
}

}  // namespace

std::optional<std::span<const std::uint8_t>> TcpFraming::next() {
    compact();
    // A message begun in an earlier read is completed in `kept_`, by no more than it lacks: every
    // byte is copied once, however small the segments are.
    while (kept_bytes() > 0) {
        const auto have = std::span{kept_}.subspan(used_);
        const std::size_t need = frame_bytes(have);
        if (have.size() >= need) {
            used_ += need;
            return have.subspan(length_bytes, need - length_bytes);
        }
        if (view_.empty()) return std::nullopt;
        const auto lacking = view_.first(std::min(need - have.size(), view_.size()));
        kept_.insert(kept_.end(), lacking.begin(), lacking.end());
        view_ = view_.subspan(lacking.size());
    }
    const std::size_t need = frame_bytes(view_);
    if (view_.size() < need) return std::nullopt;
    const auto message = view_.subspan(length_bytes, need - length_bytes);
    view_ = view_.subspan(need);
    return message;
}

void TcpFraming::keep() {
    compact();
    kept_.insert(kept_.end(), view_.begin(), view_.end());
    view_ = {};
}

void TcpFraming::compact() {
    if (used_ == 0) return;
    if (used_ == kept_.size()) {
        kept_.clear();
        if (kept_.capacity() > kept_bytes_max) kept_.shrink_to_fit();
        used_ = 0;
    } else if (used_ > kept_.size() / 2) {
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ = 0;
    }
}

}  // namespace meshgate::dns::server
