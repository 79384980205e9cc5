#include "dns/forward/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace meshgate::dns::forward {

void Random::refill() noexcept {
    // 4 KiB: beyond 256 bytes a signal may interrupt the call (getrandom(2)), so the rest is asked
    // for again.
    auto* bytes = reinterpret_cast<std::uint8_t*>(numbers_.data());
    for (std::size_t got = 0; got < sizeof numbers_;) {
        const auto more = ::getrandom(bytes + got, sizeof numbers_ - got, 0);
        if (more > 0) got += static_cast<std::size_t>(more);
        // Only a kernel without getrandom gets here; guessable ids would be an invitation.
        if (more < 0 && errno != EINTR) std::abort();
    }
    used_ = 0;
}

std::uint16_t Random::next16() noexcept {
    if (used_ == numbers_.size()) refill();
    return numbers_[used_++];
}

std::size_t Random::below(std::size_t bound) noexcept {
    const std::uint64_t wide = std::uint64_t{next16()} << 16U | next16();
    return static_cast<std::size_t>(wide * bound >> 32U);
}

}  // namespace meshgate::dns::forward
