#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// The packed form of a name and its records, many in one array of bytes:
///
///     name length, name in lower-case wire form, number of RRsets,
///     and for each RRset: form, TTL, number of records, then the RDATA of each.
///
/// Most RRsets of a mesh are one address with a short TTL: those have a form that takes four bytes
/// more than the address. The form for all others says its type, and the length of each RDATA.
namespace meshgate::dns::zone {

struct RrsetView {
    std::uint16_t type = 0;
    std::uint16_t count = 0;
    std::uint32_t ttl = 0;
    std::size_t each_bytes = 0;  ///< of every RDATA; 0: each has its length (2 bytes) before it
    std::span<const std::uint8_t> records;
};

/// One entry of the array. No check is made: only PackedEntries writes the array.
class EntryView {
public:
    EntryView(std::span<const std::uint8_t> bytes, std::uint32_t offset) noexcept
        : bytes_(bytes.subspan(offset)) {}

    [[nodiscard]] std::span<const std::uint8_t> name() const noexcept {
        return bytes_.subspan(1, bytes_[0]);
    }
    [[nodiscard]] std::optional<RrsetView> find(std::uint16_t type) const noexcept;
    [[nodiscard]] bool has_data() const noexcept { return bytes_[1U + bytes_[0]] != 0; }

private:
    std::span<const std::uint8_t> bytes_;
};

struct RecordData {
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;
    std::span<const std::uint8_t> rdata;
};

/// Appends an entry; `records` are grouped by type, in order. @return its offset.
/// @throws std::length_error beyond 4 GiB in all, or 255 types or 65,535 records of a type.
std::uint32_t append_entry(std::vector<std::uint8_t>& bytes, std::span<const std::uint8_t> name,
                           std::span<const RecordData> records);

}  // namespace meshgate::dns::zone
