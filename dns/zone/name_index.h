#pragma once

#include "dns/wire/siphash.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::zone {

/// Open addressing with linear probing from a name's hash to a 32-bit value; at most two thirds
/// full. The names themselves are kept by who uses it: `same(value)` says whether a value's name is
/// the one looked for, and is asked only when all 32 bits agree.
class NameIndex {
public:
    template <class Same>
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t hash, Same same) const noexcept {
        if (slots_.empty()) return std::nullopt;
        for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
            const Slot& slot = slots_[at];
            if (slot.value_plus_one == 0) return std::nullopt;
            if (slot.hash == hash && same(slot.value_plus_one - 1)) return slot.value_plus_one - 1;
        }
    }

    /// @pre no value of the same name is in it.
    void insert(std::uint32_t hash, std::uint32_t value) {
        if ((used_ + 1) * 3 > slots_.size() * 2) grow();
        place({hash, value + 1});
        ++used_;
    }

    /// Room for so many in all.
    void reserve(std::size_t values) {
        while (values * 3 > slots_.size() * 2) grow();
    }

    /// Replaces every value.
    template <class Change>
    void change_values(Change change) {
        for (Slot& slot : slots_) {
            if (slot.value_plus_one != 0) {
                slot.value_plus_one = change(slot.value_plus_one - 1) + 1;
            }
        }
    }

private:
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t value_plus_one = 0;
    };

    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }

    void place(Slot slot) noexcept {
        std::size_t at = slot.hash & mask();
        while (slots_[at].value_plus_one != 0) at = (at + 1) & mask();
        slots_[at] = slot;
    }

    void grow() {
        std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.value_plus_one != 0) place(slot);
        }
    }

    std::vector<Slot> slots_;  ///< a power of two
    std::size_t used_ = 0;
};

}  // namespace meshgate::dns::zone
