#include "dns/zone/entry.h"

#include "dns/wire/bytes.h"
#include "dns/wire/question.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace meshgate::dns::zone {
namespace {

/// The first byte of an RRset. The short ones: TTL 2, count 1, addresses. The other: type 2, TTL 4,
/// count 2, bytes of the records 4, and each record's length before it.
enum class Form : std::uint8_t { any, a, aaaa };
constexpr std::size_t any_head_bytes = 13, short_head_bytes = 4;
constexpr std::size_t a_bytes = 4, aaaa_bytes = 16;

Form short_form_of(std::uint16_t type) noexcept {
    if (type == wire::type::a) return Form::a;
    return type == wire::type::aaaa ? Form::aaaa : Form::any;
}

std::size_t address_bytes(Form form) noexcept {
    return form == Form::a ? a_bytes : aaaa_bytes;
}

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
class Rrset {
public:
    Rrset(std::uint16_t type, std::span<const RecordData> records) : type_(type), all_(records) {
        const Form form = short_form_of(type);
        bool may_be_short = form != Form::any;
        for (const RecordData& record : records) {
            if (record.type != type) continue;
            ttl_ = std::min(ttl_, record.ttl);
            bytes_ += 2 + record.rdata.size();
            ++count_;
            may_be_short = may_be_short && record.rdata.size() == address_bytes(form);
        }
        if (count_ > 65535) {
            throw std::length_error("more than 65,535 records of one name and type");
        }
        if (may_be_short && count_ <= 255 && ttl_ <= 65535) form_ = form;
    }

    void append_to(std::vector<std::uint8_t>& bytes) const {
        bytes.push_back(static_cast<std::uint8_t>(form_));
        if (form_ == Form::any) {
            append16(bytes, type_);
            append32(bytes, ttl_);
            append16(bytes, count_);
            append32(bytes, bytes_);
        } else {
            append16(bytes, ttl_);
            bytes.push_back(static_cast<std::uint8_t>(count_));
        }
        for (const RecordData& record : all_) {
            if (record.type != type_) continue;
            if (form_ == Form::any) append16(bytes, record.rdata.size());
            bytes.insert(bytes.end(), record.rdata.begin(), record.rdata.end());
        }
    }

private:
    std::uint16_t type_;
    std::span<const RecordData> all_;
    Form form_ = Form::any;
    std::uint32_t ttl_ = std::numeric_limits<std::uint32_t>::max();
    std::size_t count_ = 0, bytes_ = 0;
};

/// The RRset at `at`, and where the next one is.
struct Placed {
    RrsetView rrset;
    std::size_t end;
};

Placed read_rrset(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
    const auto form = static_cast<Form>(bytes[at]);
    if (form == Form::any) {
        const std::size_t begin = at + any_head_bytes, size = read32(bytes, at + 9);
        return {{wire::read16(bytes, at + 1), wire::read16(bytes, at + 7), read32(bytes, at + 3), 0,
                 bytes.subspan(begin, size)},
                begin + size};
    }
    const std::size_t begin = at + short_head_bytes, each = address_bytes(form);
    const std::uint16_t count = bytes[at + 3];
    return {{form == Form::a ? wire::type::a : wire::type::aaaa, count, wire::read16(bytes, at + 1),
             each, bytes.subspan(begin, count * each)},
            begin + count * each};
}

}  // namespace

std::optional<RrsetView> EntryView::find(std::uint16_t type) const noexcept {
    std::size_t at = 1U + bytes_[0];
    for (unsigned left = bytes_[at++]; left > 0; --left) {
        const Placed placed = read_rrset(bytes_, at);
        if (placed.rrset.type == type) return placed.rrset;
        at = placed.end;
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
    for (const std::uint16_t type : types) Rrset{type, records}.append_to(bytes);
    return offset;
}

}  // namespace meshgate::dns::zone
