#include "dns/wire/reply.h"

#include "dns/wire/name.h"

#include <algorithm>

namespace meshgate::dns::wire {
namespace {

bool may_lack_question(Rcode rcode) noexcept {
    return rcode == Rcode::formerr || rcode == Rcode::notimp || rcode == Rcode::servfail ||
           rcode == Rcode::refused;
}

}  // namespace

bool matches(std::span<const std::uint8_t> reply, std::span<const std::uint8_t> sent) noexcept {
    if (reply.size() < header_bytes || sent.size() < header_bytes) return false;
    if (reply[0] != sent[0] || reply[1] != sent[1]) return false;
    if ((reply[2] & 0xf8) != 0x80) return false;  // a response, opcode QUERY
    const unsigned questions = reply[4] * 256U + reply[5];
    if (questions == 0) return may_lack_question(header_rcode(reply));
    if (questions != 1) return false;

    const std::size_t end = skip_name(sent, header_bytes) + 4;
    if (end <= header_bytes || end > sent.size() || end > reply.size()) return false;
    return std::equal(sent.begin() + header_bytes, sent.begin() + static_cast<std::ptrdiff_t>(end),
                      reply.begin() + header_bytes);
}

}  // namespace meshgate::dns::wire
