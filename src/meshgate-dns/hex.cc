#include "src/meshgate-dns/hex.h"

#include <charconv>

namespace meshgate::dnsd {

std::string to_hex(std::span<const std::uint8_t> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : bytes) {
        out += digits[byte >> 4U];
        out += digits[byte & 0xfU];
    }
    return out;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view digits) {
    if (digits.size() % 2 != 0) return std::nullopt;
    std::vector<std::uint8_t> out;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        std::uint8_t byte = 0;
        const char* const end = digits.data() + i + 2;
        const auto [stopped, error] = std::from_chars(digits.data() + i, end, byte, 16);
        if (error != std::errc{} || stopped != end) return std::nullopt;
        out.push_back(byte);
    }
    return out;
}

}  // namespace meshgate::dnsd
