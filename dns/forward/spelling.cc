#include "dns/forward/spelling.h"

#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/question.h"

namespace meshgate::dns::forward {
namespace {

constexpr std::uint8_t case_bit = 0x20;

bool is_letter(std::uint8_t byte) noexcept {
    const std::uint8_t lower = byte | case_bit;
    return lower >= 'a' && lower <= 'z';
}

}  // namespace

void Spelling::remember(std::span<const std::uint8_t> message) noexcept {
    const std::size_t end = wire::skip_name(message, wire::header_bytes);
    forget();
    if (end == 0 || end > wire::header_bytes + wire::name_bytes_max) return;
    name_bytes_ = end - wire::header_bytes;
    upper_ = {};
    for (std::size_t i = 0; i < name_bytes_; ++i) {
        const std::uint8_t byte = message[wire::header_bytes + i];
        // A length is at most 63, and so no letter.
        const bool upper = is_letter(byte) && (byte & case_bit) == 0;
        if (upper) upper_[i / 8] |= static_cast<std::uint8_t>(1U << i % 8);
    }
}

void Spelling::mix(std::span<std::uint8_t> message, Random& random) const noexcept {
    std::uint16_t bits = 0;
    for (std::size_t i = 0; i < name_bytes_; ++i) {
        if (i % 16 == 0) bits = random.next16();
        std::uint8_t& byte = message[wire::header_bytes + i];
        if (is_letter(byte) && (bits >> i % 16 & 1U) != 0) byte ^= case_bit;
    }
}

void Spelling::lower(std::span<std::uint8_t> message) const noexcept {
    for (std::uint8_t& byte : message.subspan(wire::header_bytes, name_bytes_)) {
        if (is_letter(byte)) byte |= case_bit;
    }
}

void Spelling::restore(std::span<std::uint8_t> message) const noexcept {
    if (message.size() < wire::header_bytes + name_bytes_ || wire::read16(message, 4) != 1) return;
    for (std::size_t i = 0; i < name_bytes_; ++i) {
        std::uint8_t& byte = message[wire::header_bytes + i];
        if (!is_letter(byte)) continue;
        const bool upper = (upper_[i / 8] >> i % 8 & 1U) != 0;
        byte = static_cast<std::uint8_t>(upper ? byte & ~case_bit : byte | case_bit);
    }
}

}  // namespace meshgate::dns::forward
