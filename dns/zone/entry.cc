#include "dns/zone/entry.h"

#include "dns/wire/bytes.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace meshgate::dns::zone {
namespace {

constexpr std::size_t rrset_fixed_bytes = 12;  // type 2, TTL 4, count 2, bytes of the records 4

std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
    return std::uint32_t{wire::read16(bytes, at)} << 16U | wire::read16(bytes, at + 2);
}

void append16(std::vector<std::uint8_t>& bytes, std::size_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8U));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

void append32(std::vector<std::uint8_t>& bytes, std::size_t value) {
    append16(bytes, value >> 16U);
    append16(bytes, value & 0xffffU);
}

/// All records of one type; a TTL below the others is the set's (RFC 2181 section 5.2: they have to
/// be equal).
void append_rrset(std::vector<std::uint8_t>& bytes, std::uint16_t type,
                  std::span<const RecordData> records) {
    std::size_t count = 0, size = 0;
    auto ttl = std::numeric_limits<std::uint32_t>::max();
    for (const RecordData& record : records) {
        if (record.type != type) continue;
        ttl = std::min(ttl, record.ttl);
        size += 2 + record.rdata.size();
        ++count;
    }
    if (count > 65535) throw std::length_error("more than 65,535 records of one name and type");
    append16(bytes, type);
    append32(bytes, ttl);
    append16(bytes, count);
    append32(bytes, size);
    for (const RecordData& record : records) {
        if (record.type != type) continue;
        append16(bytes, record.rdata.size());
        bytes.insert(bytes.end(), record.rdata.begin(), record.rdata.end());
    }
}

}  // namespace

std::optional<RrsetView> EntryView::find(std::uint16_t type) const noexcept {
    std::size_t at = 1U + bytes_[0];
    for (unsigned left = bytes_[at++]; left > 0; --left) {
        const std::uint32_t size = read32(bytes_, at + 8);
        if (wire::read16(bytes_, at) == type) {
            return RrsetView{type, wire::read16(bytes_, at + 6), read32(bytes_, at + 2),
                             bytes_.subspan(at + rrset_fixed_bytes, size)};
        }
        at += rrset_fixed_bytes + size;
    }
    return std::nullopt;
}

std::uint32_t append_entry(std::vector<std::uint8_t>& bytes, std::span<const std::uint8_t> name,
                           std::span<const RecordData> records) {
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max() - 1) {
        throw std::length_error("the names take more than 4 GiB");
    }
    const auto offset = static_cast<std::uint32_t>(bytes.size());
    bytes.push_back(static_cast<std::uint8_t>(name.size()));
    bytes.insert(bytes.end(), name.begin(), name.end());
    std::vector<std::uint16_t> types;
    for (const RecordData& record : records) {
        if (std::find(types.begin(), types.end(), record.type) == types.end()) {
            types.push_back(record.type);
        }
    }
    if (types.size() > 255) throw std::length_error("more than 255 types of one name");
    bytes.push_back(static_cast<std::uint8_t>(types.size()));
    for (const std::uint16_t type : types) append_rrset(bytes, type, records);
    return offset;
}

}  // namespace meshgate::dns::zone
