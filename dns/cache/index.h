#pragma once

#include "dns/cache/memory.h"

#include <cstddef>
#include <cstdint>

namespace meshgate::dns::cache {

/// Hashes to places in the ring. Open addressing, linear probing, no tombstones; never more than
/// half full, which is the caller's to see to.
class Index {
public:
    static constexpr std::uint32_t none = 0xffffffff;
    static constexpr std::size_t bytes_per_slot = 8;

    /// @param slots  a power of two.
    explicit Index(std::size_t slots) : memory_(slots * bytes_per_slot), mask_(slots - 1) {}

    /// The place for which `is_it(place)` is true among those with this hash; else none.
    template <class IsIt>
    [[nodiscard]] std::uint32_t find(std::uint32_t hash, const IsIt& is_it) const noexcept {
        for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
            const Slot& slot = slots()[at];
            if (slot.place == 0) return none;
            if (slot.hash == hash && is_it(slot.place - 1)) return slot.place - 1;
        }
    }

    /// @pre not there yet; count() < slots() / 2
    void add(std::uint32_t hash, std::uint32_t place) noexcept;
    /// @pre it is there
    void remove(std::uint32_t hash, std::uint32_t place) noexcept;
    void clear() noexcept;

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] bool is_full() const noexcept { return count_ > mask_ / 2; }

private:
    struct Slot {
        std::uint32_t hash;
        std::uint32_t place;  ///< one more than it is; 0: empty
    };
    static_assert(sizeof(Slot) == bytes_per_slot);

    [[nodiscard]] Slot* slots() const noexcept {
        return reinterpret_cast<Slot*>(memory_.bytes().data());
    }

    Memory memory_;
    std::size_t mask_;
    std::size_t count_ = 0;
};

}  // namespace meshgate::dns::cache
