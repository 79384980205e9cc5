#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// Numbers of the wire: big-endian, at an offset that the caller has checked.
namespace meshgate::dns::wire {

constexpr std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

constexpr std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
    return static_cast<std::uint32_t>(read16(bytes, at)) << 16U | read16(bytes, at + 2);
}

constexpr void write16(std::span<std::uint8_t> bytes, std::size_t at, std::size_t value) noexcept {
    bytes[at] = static_cast<std::uint8_t>(value >> 8U);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

constexpr void write32(std::span<std::uint8_t> bytes, std::size_t at,
                       std::uint32_t value) noexcept {
    write16(bytes, at, value >> 16U);
    write16(bytes, at + 2, value & 0xffffU);
}

}  // namespace meshgate::dns::wire
