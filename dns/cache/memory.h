#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::cache {

/// Zeroed memory that the machine gives page by page, when it is first written to: a large cache
/// that is hardly used costs little. Reset gives the pages back.
class Memory {
public:
    explicit Memory(std::size_t bytes);  ///< @throws std::bad_alloc
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept { return {begin_, size_}; }
    void reset() noexcept;  ///< all zero again

private:
    std::uint8_t* begin_ = nullptr;
    std::size_t size_;
};

}  // namespace meshgate::dns::cache
