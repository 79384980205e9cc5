#include "dns/wire/record.h"

#include "dns/wire/bytes.h"
#include "dns/wire/name.h"

namespace meshgate::dns::wire {
namespace {

constexpr std::size_t fixed_bytes = 10;  // type, class, ttl, rdlength

}  // namespace

std::optional<RecordView> read_record(std::span<const std::uint8_t> message,
                                      std::size_t offset) noexcept {
    const std::size_t fixed = skip_name(message, offset);
    if (fixed == 0 || fixed + fixed_bytes > message.size()) return std::nullopt;
    RecordView record;
    record.owner = offset;
    record.type = read16(message, fixed);
    record.rclass = read16(message, fixed + 2);
    record.ttl_offset = fixed + 4;
    record.ttl = read32(message, fixed + 4);
    record.rdata = fixed + fixed_bytes;
    record.rdata_bytes = read16(message, fixed + 8);
    record.end = record.rdata + record.rdata_bytes;
    if (record.end > message.size()) return std::nullopt;
    return record;
}

}  // namespace meshgate::dns::wire
