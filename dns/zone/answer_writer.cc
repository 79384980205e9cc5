#include "dns/zone/answer_writer.h"

#include "dns/wire/bytes.h"

#include <algorithm>

namespace meshgate::dns::zone {
namespace {

using namespace wire;

constexpr std::size_t record_fixed_bytes = 10;  // type, class, TTL, length
constexpr std::size_t pointer_reach = 0x4000;   // RFC 1035 section 4.1.4: 14 bits

std::size_t copy(std::span<const std::uint8_t> from, std::span<std::uint8_t> out,
                 std::size_t at) noexcept {
    std::copy(from.begin(), from.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
    return at + from.size();
}

}  // namespace

AnswerWriter::AnswerWriter(const Question& question, std::size_t limit,
                           std::span<std::uint8_t> out) noexcept
    : question_(question), out_(out),
      end_(std::min(limit, out.size()) - (question.edns ? opt_bytes : 0)),
      at_(copy(question.message.subspan(header_bytes, question.qname_bytes + 4), out,
               header_bytes)) {}

std::size_t AnswerWriter::add(Section section, const PlacedName& owner, std::uint16_t rtype,
                              std::uint32_t ttl, std::span<const std::uint8_t> rdata) noexcept {
    const bool by_pointer = owner.offset < pointer_reach;
    const std::size_t owner_bytes = by_pointer ? 2 : owner.name.size();
    if (truncated_ || at_ + owner_bytes + record_fixed_bytes + rdata.size() > end_) {
        truncated_ = true;
        return at_;
    }
    if (by_pointer) {
        write16(out_, at_, 0xc000U | owner.offset);
        at_ += 2;
    } else {
        at_ = copy(owner.name, out_, at_);
    }
    write16(out_, at_, rtype);
    write16(out_, at_ + 2, qclass::in);
    write32(out_, at_ + 4, ttl);
    write16(out_, at_ + 8, rdata.size());
    at_ = copy(rdata, out_, at_ + record_fixed_bytes);
    ++counts_[static_cast<std::size_t>(section)];
    return at_ - rdata.size();
}

void AnswerWriter::answer(const PlacedName& owner, const RrsetView& rrset) noexcept {
    const std::size_t head = rrset.each_bytes == 0 ? 2 : 0;
    const auto add_from = [&](std::size_t at, std::size_t end) noexcept {
        while (at < end) {
            const std::size_t size = head == 0 ? rrset.each_bytes : read16(rrset.records, at);
            add(Section::answer, owner, rrset.type, rrset.ttl,
                rrset.records.subspan(at + head, size));
            at += head + size;
        }
    };
    const std::size_t first = first_of(rrset);
    add_from(first, rrset.records.size());
    add_from(0, first);
}

/// Most programs take the first address, so each is the first in turn: by the client's id, which
/// nobody chooses for it.
std::size_t AnswerWriter::first_of(const RrsetView& rrset) const noexcept {
    if (rrset.count < 2 || (rrset.type != type::a && rrset.type != type::aaaa)) return 0;
    const std::size_t record_bytes =
        rrset.each_bytes != 0 ? rrset.each_bytes : 2U + (rrset.type == type::a ? 4U : 16U);
    if (rrset.records.size() != rrset.count * record_bytes) return 0;
    return question_.id % rrset.count * record_bytes;
}

std::size_t AnswerWriter::finish(Rcode rcode) noexcept {
    if (truncated_) {
        at_ = question_.end();
        counts_ = {};
    }
    const unsigned kept = question_.flags & (flag::rd | flag::cd);
    const unsigned cut = truncated_ ? flag::tc : 0U;
    const unsigned code = static_cast<unsigned>(rcode) & 0xfU;
    write16(out_, 0, question_.id);
    write16(out_, 2, flag::qr | flag::aa | flag::ra | kept | cut | code);
    write16(out_, 4, 1);
    write16(out_, 6, counts_[0]);
    write16(out_, 8, counts_[1]);
    write16(out_, 10, question_.edns ? 1 : 0);
    if (question_.edns) {
        at_ += write_opt(out_.subspan(at_), rcode, question_.edns->dnssec_ok, Ede::none);
    }
    return at_;
}

}  // namespace meshgate::dns::zone
