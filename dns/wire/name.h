#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::wire {

/// Length on the wire of the uncompressed name at `offset`, the root label included; its
/// ASCII-lower-cased form goes to `lower`.
/// @return 0 for a name that is cut off, longer than 255 bytes, or has a label that is not 1..63
/// bytes (a compression pointer too).
std::size_t read_name(std::span<const std::uint8_t> message, std::size_t offset,
                      std::span<std::uint8_t, 255> lower) noexcept;

/// Offset of the first byte after the name at `offset`, which may end in a compression pointer; the
/// pointer is not followed.
/// @return 0 for a malformed name.
std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t offset) noexcept;

}  // namespace meshgate::dns::wire
