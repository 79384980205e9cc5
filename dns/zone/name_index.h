#pragma once

#include "dns/wire/siphash.h"

#include <algorithm>
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
        for (std::size_t at = home(hash);; at = behind(at)) {
            const Slot& slot = slots_[at];
            if (slot.value_plus_one == 0) return std::nullopt;
            if (slot.hash == hash && same(slot.value_plus_one - 1)) return slot.value_plus_one - 1;
        }
    }

    /// @pre no value of the same name is in it.
    void insert(std::uint32_t hash, std::uint32_t value) {
        if ((used_ + 1) * 3 > slots_.size() * 2) {
            resize(std::max<std::size_t>(16, slots_.size() * 2));
        }
        place({hash, value + 1});
        ++used_;
    }

    /// Room for so many in all.
    void reserve(std::size_t values) {
        if (values * 3 > slots_.size() * 2) resize(slots_for(values));
    }

    /// Gives back what was made for values that never came.
    void shrink_to_fit() {
        if (slots_for(used_) < slots_.size()) resize(slots_for(used_));
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return slots_.size() * sizeof(Slot); }

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

    static constexpr std::size_t slots_for(std::size_t values) noexcept {
        return values + values / 2 + 1;
    }
    /// Where the search for a hash begins: its upper bits, for any number of slots.
    [[nodiscard]] std::size_t home(std::uint32_t hash) const noexcept {
        return static_cast<std::size_t>(std::uint64_t{hash} * slots_.size() >> 32U);
    }
    [[nodiscard]] std::size_t behind(std::size_t at) const noexcept {
        return at + 1 == slots_.size() ? 0 : at + 1;
    }

    void place(Slot slot) noexcept {
        std::size_t at = home(slot.hash);
        while (slots_[at].value_plus_one != 0) at = behind(at);
        slots_[at] = slot;
    }

    void resize(std::size_t count) {
        std::vector<Slot> old(count);
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.value_plus_one != 0) place(slot);
        }
    }

    std::vector<Slot> slots_;
    std::size_t used_ = 0;
};

}  // namespace meshgate::dns::zone
