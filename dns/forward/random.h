#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace meshgate::dns::forward {

/// Unpredictable numbers from getrandom(2), fetched in batches.
class Random {
public:
    std::uint16_t next16() noexcept;
    /// 0..bound-1. @pre bound is 1..65536; the bias of at most bound/2^32 is of no use to anybody.
    std::size_t below(std::size_t bound) noexcept;

private:
    void refill() noexcept;

    std::array<std::uint16_t, 2048> numbers_{};  ///< a query takes five or so
    std::size_t used_ = 2048;
};

}  // namespace meshgate::dns::forward
