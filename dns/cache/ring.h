#pragma once

#include "dns/cache/memory.h"
#include "dns/cache/stored.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace meshgate::dns::cache {

/// Entries one after the other, the oldest at the tail: a bound in bytes that is exact, and nothing
/// to fragment. A place is an entry's offset in units of 8 bytes.
class Ring {
public:
    /// @param bytes  a multiple of 8, below 32 GiB.
    explicit Ring(std::size_t bytes);

    [[nodiscard]] Stored& at(std::uint32_t place) const noexcept {
        return *reinterpret_cast<Stored*>(memory_.bytes().data() + std::size_t{place} * unit);
    }
    /// Whether an entry of that size can be put in now. @pre bytes <= size() / 4
    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;
    /// Space at the head; its content is undefined but for `bytes`. @pre has_room(bytes)
    std::uint32_t put(std::size_t bytes) noexcept;

    [[nodiscard]] bool is_empty() const noexcept { return used_ == 0; }
    /// The oldest entry. @pre !is_empty(); fillers are gone
    [[nodiscard]] std::uint32_t oldest() const noexcept;
    void drop_oldest() noexcept;

    /// Calls `visit(place)` for every entry, from the oldest on.
    template <class Visit>
    void for_each(const Visit& visit) const {
        std::size_t at = tail_;
        for (std::size_t seen = 0; seen < used_;) {
            const auto place = static_cast<std::uint32_t>(at / unit);
            const std::size_t bytes = this->at(place).bytes;
            if (!is_filler(place)) visit(place);
            seen += bytes;
            at = (at + bytes) % size_;
        }
    }

    void clear() noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    static constexpr std::size_t unit = 8;

    [[nodiscard]] bool is_filler(std::uint32_t place) const noexcept;
    [[nodiscard]] std::size_t filler_for(std::size_t bytes) const noexcept;
    void skip_fillers() noexcept;

    Memory memory_;
    std::size_t size_;
    std::size_t head_ = 0, tail_ = 0;  ///< offsets in bytes
    std::size_t used_ = 0;             ///< from the tail to the head, fillers included
};

}  // namespace meshgate::dns::cache
