#include "dns/cache/ring.h"

#include <cstring>

namespace meshgate::dns::cache {
namespace {

/// What stands at the end of the memory where an entry did not fit: only `bytes`, which may be all
/// the room there is, and then a hash that says so.
struct Filler {
    std::uint32_t bytes;
    std::uint32_t mark;
};
constexpr std::uint32_t filler_mark = 0xf111f111;

}  // namespace

static_assert(sizeof(Filler) == 8 && offsetof(Stored, bytes) == 0 && offsetof(Stored, hash) == 4);

Ring::Ring(std::size_t bytes) : memory_(bytes), size_(bytes) {}

bool Ring::is_filler(std::uint32_t place) const noexcept {
    // An entry never ends with the memory and is a head's size or more; a filler always ends there.
    const auto* const bytes = memory_.bytes().data() + std::size_t{place} * unit;
    Filler filler;
    std::memcpy(&filler, bytes, sizeof filler);
    return filler.mark == filler_mark && std::size_t{place} * unit + filler.bytes == size_;
}

std::size_t Ring::filler_for(std::size_t bytes) const noexcept {
    return head_ + bytes >= size_ ? size_ - head_ : 0;
}

bool Ring::has_room(std::size_t bytes) const noexcept {
    return used_ + filler_for(bytes) + bytes <= size_;
}

std::uint32_t Ring::put(std::size_t bytes) noexcept {
    if (const std::size_t filler = filler_for(bytes); filler != 0) {
        const Filler what{static_cast<std::uint32_t>(filler), filler_mark};
        std::memcpy(memory_.bytes().data() + head_, &what, sizeof what);
        used_ += filler;
        head_ = 0;
    }
    const auto place = static_cast<std::uint32_t>(head_ / unit);
    at(place).bytes = static_cast<std::uint32_t>(bytes);
    head_ = (head_ + bytes) % size_;
    used_ += bytes;
    skip_fillers();
    return place;
}

std::uint32_t Ring::oldest() const noexcept {
    return static_cast<std::uint32_t>(tail_ / unit);
}

void Ring::drop_oldest() noexcept {
    const std::size_t bytes = at(oldest()).bytes;
    tail_ = (tail_ + bytes) % size_;
    used_ -= bytes;
    skip_fillers();
}

void Ring::skip_fillers() noexcept {
    if (used_ == 0 || !is_filler(oldest())) return;
    used_ -= at(oldest()).bytes;
    tail_ = 0;
}

void Ring::clear() noexcept {
    memory_.reset();
    head_ = tail_ = used_ = 0;
}

}  // namespace meshgate::dns::cache
