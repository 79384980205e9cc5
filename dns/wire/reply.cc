#include "dns/wire/reply.h"

#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/options.h"
#include "dns/wire/record.h"

#include <algorithm>
#include <array>
#include <optional>

namespace meshgate::dns::wire {
namespace {

bool may_lack_question(Rcode rcode) noexcept {
    return rcode == Rcode::formerr || rcode == Rcode::notimp || rcode == Rcode::servfail ||
           rcode == Rcode::refused;
}

/// What of a reply may be handed to several clients.
struct Shared {
    std::size_t end = 0;  ///< of its records up to the OPT; what is behind that is additional
    std::uint16_t additional = 0;
    unsigned rcode = 0;  ///< all 12 bits
    std::span<const std::uint8_t> options = {};  ///< of the OPT
};

std::optional<Shared> shared_part(std::span<const std::uint8_t> reply,
                                  std::size_t offset) noexcept {
    const std::size_t before = std::size_t{read16(reply, 6)} + read16(reply, 8);
    const std::size_t total = before + read16(reply, 10);
    Shared part{offset, 0, reply[3] & 0xfU, {}};
    bool cut = false;
    for (std::size_t i = 0; i < total; ++i) {
        const auto record = read_record(reply, offset);
        if (!record) return std::nullopt;
        offset = record->end;
        if (i >= before && record->type == type::opt) {
            if (!cut) {
                part.rcode |= record->ttl >> 24U << 4U;
                part.options = reply.subspan(record->rdata, record->rdata_bytes);
            }
            cut = true;
        }
        if (cut) continue;
        part.end = offset;
        if (i >= before) ++part.additional;
    }
    return part;
}

/// The same name (in whatever case), type and class.
bool asks_the_same(std::span<const std::uint8_t> reply, const Question& question) noexcept {
    std::array<std::uint8_t, name_bytes_max> lower;
    const std::size_t bytes = read_name(reply, header_bytes, lower);
    if (bytes == 0 || bytes != question.qname_bytes || question.end() > reply.size()) return false;
    return std::equal(lower.begin(), lower.begin() + static_cast<std::ptrdiff_t>(bytes),
                      question.lower().begin()) &&
           read16(reply, header_bytes + bytes) == question.qtype &&
           read16(reply, header_bytes + bytes + 2) == question.qclass;
}

/// The reply's flags as the client of `question` may see them: AD is for who knows what it means
/// (RFC 6840 section 5.7).
unsigned flags_for(const Question& question, std::span<const std::uint8_t> reply) noexcept {
    const bool wants_ad =
        (question.flags & flag::ad) != 0 || (question.edns && question.edns->dnssec_ok);
    const unsigned others = flag::rd | flag::cd | (wants_ad ? 0U : flag::ad);
    return flag::qr | (read16(reply, 2) & ~others) | (question.flags & (flag::rd | flag::cd));
}

/// Writes an OPT of ours with what of `part` may be passed on. @return its bytes
std::size_t write_passed_opt(const Shared& part, bool dnssec_ok, bool with_options,
                             std::span<std::uint8_t> out) noexcept {
    const auto rcode = static_cast<Rcode>(part.rcode);
    const std::size_t bytes = write_opt(out, rcode, dnssec_ok, Ede::none);
    if (!with_options) return bytes;
    const std::size_t options = pass_options(part.options, out.subspan(bytes));
    write16(out, bytes - 2, options);
    return bytes + options;
}

/// @param at  where the records begin
bool has_its_records(std::span<const std::uint8_t> reply, std::size_t at) noexcept {
    std::size_t left = 0;
    for (std::size_t section = 6; section < header_bytes; section += 2) {
        left += read16(reply, section);
    }
    for (; left != 0; --left) {
        const auto record = read_record(reply, at);
        if (!record) return false;
        at = record->end;
    }
    return true;
}

/// Whether the question section, which ends at `end`, is the same in both.
bool asks_as_sent(std::span<const std::uint8_t> reply, std::span<const std::uint8_t> sent,
                  std::size_t end, Letters letters) noexcept {
    const auto asked = sent.subspan(header_bytes, end - header_bytes);
    const auto echoed = reply.subspan(header_bytes, end - header_bytes);
    if (letters == Letters::as_sent) return std::equal(asked.begin(), asked.end(), echoed.begin());
    std::array<std::uint8_t, name_bytes_max> asked_lower, echoed_lower;
    const std::size_t bytes = read_name(sent, header_bytes, asked_lower);
    return bytes != 0 && bytes == read_name(reply, header_bytes, echoed_lower) &&
           std::equal(asked_lower.begin(), asked_lower.begin() + static_cast<std::ptrdiff_t>(bytes),
                      echoed_lower.begin()) &&
           std::equal(asked.end() - 4, asked.end(), echoed.end() - 4);
}

}  // namespace

std::size_t write_relayed(std::span<const std::uint8_t> reply, const Question& question,
                          ReplyOptions options, std::size_t limit,
                          std::span<std::uint8_t> out) noexcept {
    if (reply.size() < header_bytes) return 0;
    if (read16(reply, 4) == 0) return write_error(question, header_rcode(reply), Ede::none, out);
    if (read16(reply, 4) != 1 || !asks_the_same(reply, question)) return 0;
    auto part = shared_part(reply, question.end());
    if (!part) return 0;
    const bool passes = question.edns && options == ReplyOptions::pass;
    const std::size_t opt = (question.edns ? opt_bytes : 0) +
                            (passes ? passed_option_bytes(part->options) : 0);
    const bool fits = part->end + opt <= std::min(limit, out.size());
    const std::size_t end = fits ? part->end : question.end();
    std::copy_n(reply.begin(), end, out.begin());
    const auto asked = question.message.subspan(header_bytes, question.qname_bytes);
    std::copy(asked.begin(), asked.end(), out.begin() + header_bytes);
    write16(out, 0, question.id);
    write16(out, 2, flags_for(question, reply) | (fits ? 0U : flag::tc));
    if (!fits) std::fill(out.begin() + 6, out.begin() + header_bytes, std::uint8_t{0});
    write16(out, 10, (fits ? part->additional : 0U) + (question.edns ? 1U : 0U));
    if (!question.edns) return end;
    return end + write_passed_opt(*part, question.edns->dnssec_ok, passes && fits,
                                  out.subspan(end));
}

bool matches(std::span<const std::uint8_t> reply, std::span<const std::uint8_t> sent,
             Letters letters) noexcept {
    if (reply.size() < header_bytes || sent.size() < header_bytes) return false;
    if (reply[0] != sent[0] || reply[1] != sent[1]) return false;
    if ((reply[2] & 0xf8) != 0x80) return false;  // a response, opcode QUERY
    const unsigned questions = reply[4] * 256U + reply[5];
    if (questions == 0) {
        return may_lack_question(header_rcode(reply)) && has_its_records(reply, header_bytes);
    }
    if (questions != 1) return false;

    const std::size_t end = skip_name(sent, header_bytes) + 4;
    if (end <= header_bytes || end > sent.size() || end > reply.size()) return false;
    if (!asks_as_sent(reply, sent, end, letters)) return false;
    return is_truncated(reply) || has_its_records(reply, end);
}

}  // namespace meshgate::dns::wire
