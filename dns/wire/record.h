#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace meshgate::dns::wire {

/// Where a resource record is in its message, and the fixed part of what it says (RFC 1035
/// section 4.1.3). Names and data are still the message's.
struct RecordView {
    std::size_t owner = 0;  ///< offset of its name
    std::uint16_t type = 0;
    std::uint16_t rclass = 0;
    std::uint32_t ttl = 0;
    std::size_t ttl_offset = 0;
    std::size_t rdata = 0, rdata_bytes = 0;
    std::size_t end = 0;  ///< offset of the first byte after it
};

/// @return none for a record that is cut off, or whose name is malformed.
std::optional<RecordView> read_record(std::span<const std::uint8_t> message,
                                      std::size_t offset) noexcept;

}  // namespace meshgate::dns::wire
