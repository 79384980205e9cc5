#include "dns/cache/index.h"

namespace meshgate::dns::cache {

void Index::add(std::uint32_t hash, std::uint32_t place) noexcept {
    std::size_t at = hash & mask_;
    while (slots()[at].place != 0) at = (at + 1) & mask_;
    slots()[at] = {hash, place + 1};
    ++count_;
}

void Index::remove(std::uint32_t hash, std::uint32_t place) noexcept {
    std::size_t hole = hash & mask_;
    while (slots()[hole].place != place + 1) hole = (hole + 1) & mask_;
    // Whoever was pushed behind the hole moves up, so that no search ends too early.
    for (std::size_t at = (hole + 1) & mask_; slots()[at].place != 0; at = (at + 1) & mask_) {
        const std::size_t home = slots()[at].hash & mask_;
        if (((at - home) & mask_) < ((at - hole) & mask_)) continue;
        slots()[hole] = slots()[at];
        hole = at;
    }
    slots()[hole] = {0, 0};
    --count_;
}

void Index::clear() noexcept {
    memory_.reset();
    count_ = 0;
}

}  // namespace meshgate::dns::cache
