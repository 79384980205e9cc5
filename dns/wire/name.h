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

struct ExpandedName {
    std::size_t bytes = 0;  ///< of `lower`, the root label included; 0: malformed
    std::size_t end = 0;    ///< offset of the first byte after the name at its own place
};

/// The name at `offset` with its compression pointers followed (RFC 1035 section 4.1.4),
/// ASCII-lower-cased, to `lower`. A pointer must point before the run of labels that it ends, so
/// that every name ends, and not into the header.
ExpandedName expand_name(std::span<const std::uint8_t> message, std::size_t offset,
                         std::span<std::uint8_t, 255> lower) noexcept;

/// Whether a name is `zone` or lies below it; both in lower-case wire form.
bool is_within(std::span<const std::uint8_t> name, std::span<const std::uint8_t> zone) noexcept;

}  // namespace meshgate::dns::wire
