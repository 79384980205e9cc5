#include "dns/wire/question.h"

#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/record.h"

#include <algorithm>

namespace meshgate::dns::wire {
namespace {


struct Counts {
    std::uint16_t questions, answers, authority, additional;
};

Counts read_counts(std::span<const std::uint8_t> message) noexcept {
    return {read16(message, 4), read16(message, 6), read16(message, 8), read16(message, 10)};
}

/// An OPT says other things in the places of class and TTL (RFC 6891 section 6.1.3).
Edns edns_of(const RecordView& opt) noexcept {
    return {opt.rclass, static_cast<std::uint8_t>(opt.ttl >> 16U), (opt.ttl & 0x8000U) != 0,
            opt.rdata, opt.rdata_bytes};
}

/// Walks the records after the question. False when one is cut off, an OPT is in the wrong place or
/// twice, or bytes are left over.
bool read_records(std::span<const std::uint8_t> message, std::size_t offset, const Counts& counts,
                  std::optional<Edns>& edns) noexcept {
    const std::size_t before_additional = std::size_t{counts.answers} + counts.authority;
    const std::size_t total = before_additional + counts.additional;
    for (std::size_t i = 0; i < total; ++i) {
        const auto record = read_record(message, offset);
        if (!record) return false;
        if (record->type == type::opt) {
            const bool owner_is_root = message[offset] == 0;
            if (i < before_additional || edns || !owner_is_root) return false;
            edns = edns_of(*record);
        }
        offset = record->end;
    }
    return offset == message.size();
}

}  // namespace

Parsed parse_question(std::span<const std::uint8_t> message, Question& out) noexcept {
    if (message.size() < header_bytes) return Parsed::drop;
    out.message = message;
    out.id = read16(message, 0);
    out.flags = read16(message, 2);
    out.qname_bytes = 0;
    out.edns.reset();
    if ((out.flags & flag::qr) != 0) return Parsed::drop;

    const Counts counts = read_counts(message);
    if (counts.questions == 1) {
        const std::size_t bytes = read_name(message, header_bytes, out.lower_qname);
        if (bytes != 0 && header_bytes + bytes + 4 <= message.size()) {
            out.qname_bytes = bytes;
            out.qtype = read16(message, header_bytes + bytes);
            out.qclass = read16(message, header_bytes + bytes + 2);
        }
    }
    const bool whole = out.qname_bytes != 0 && read_records(message, out.end(), counts, out.edns);
    if (!whole) out.edns.reset();
    if ((out.flags & flag::opcode) != 0) return Parsed::notimp;
    if (!whole) return Parsed::formerr;
    return out.edns && out.edns->version > 0 ? Parsed::badvers : Parsed::question;
}

std::size_t write_error(const Question& question, Rcode rcode, Ede ede,
                        std::span<std::uint8_t> out) noexcept {
    const auto code = static_cast<std::uint16_t>(rcode);
    const std::size_t question_bytes = question.qname_bytes == 0 ? 0 : question.qname_bytes + 4;
    write16(out, 0, question.id);
    const unsigned kept = question.flags & (flag::opcode | flag::rd | flag::cd);
    write16(out, 2, flag::qr | flag::ra | kept | (code & 0xfU));
    write16(out, 4, question_bytes == 0 ? 0 : 1);
    write16(out, 6, 0);
    write16(out, 8, 0);
    write16(out, 10, question.edns ? 1 : 0);
    if (question_bytes != 0) {
        const auto echoed = question.message.subspan(header_bytes, question_bytes);
        std::copy(echoed.begin(), echoed.end(), out.begin() + header_bytes);
    }
    const std::size_t end = header_bytes + question_bytes;
    if (!question.edns) return end;
    return end + write_opt(out.subspan(end), rcode, question.edns->dnssec_ok, ede);
}

std::size_t write_opt(std::span<std::uint8_t> out, Rcode rcode, bool dnssec_ok, Ede ede) noexcept {
    std::fill_n(out.begin(), opt_bytes, std::uint8_t{0});
    write16(out, 1, type::opt);
    write16(out, 3, udp_payload_ours);
    out[5] = static_cast<std::uint8_t>(static_cast<unsigned>(rcode) >> 4U);
    out[7] = dnssec_ok ? 0x80 : 0;
    if (ede == Ede::none) return opt_bytes;
    write16(out, 9, 6);
    write16(out, 11, 15);  // EDE option code, RFC 8914 section 2
    write16(out, 13, 2);
    write16(out, 15, static_cast<std::uint16_t>(ede));
    return opt_bytes_max;
}

std::size_t udp_limit(const Question& question, std::size_t cap) noexcept {
    if (!question.edns) return udp_payload_default;
    return std::clamp<std::size_t>(question.edns->udp_payload_size, udp_payload_default,
                                   std::max<std::size_t>(cap, udp_payload_default));
}

std::size_t write_truncated(std::span<const std::uint8_t> reply,
                            std::span<std::uint8_t> out) noexcept {
    if (reply.size() < header_bytes || out.size() < header_bytes) return 0;
    const Counts counts = read_counts(reply);
    std::array<std::uint8_t, name_bytes_max> lower;
    const std::size_t qname =
        counts.questions == 1 ? read_name(reply, header_bytes, lower) : std::size_t{0};
    if (qname == 0 || header_bytes + qname + 4 > reply.size()) return 0;
    const std::size_t end = header_bytes + qname + 4;
    if (out.size() < end + opt_bytes) return 0;

    std::copy_n(reply.begin(), end, out.begin());
    write16(out, 2, read16(reply, 2) | flag::qr | flag::tc);
    write16(out, 6, 0);
    write16(out, 8, 0);
    write16(out, 10, 0);
    std::optional<Edns> edns;
    // A reply whose records cannot be walked is cut all the same: the client asks again over TCP.
    if (!read_records(reply, end, counts, edns) || !edns) return end;
    write16(out, 10, 1);
    const std::uint16_t extended =
        reply[edns->options_offset - 6];  // the first byte of the OPT's TTL
    return end + write_opt(out.subspan(end), static_cast<Rcode>(extended << 4), edns->dnssec_ok,
                           Ede::none);
}

}  // namespace meshgate::dns::wire
