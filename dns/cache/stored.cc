#include "dns/cache/stored.h"

#include "dns/wire/bytes.h"

#include <algorithm>
#include <cstring>

namespace meshgate::dns::cache {
namespace {

using wire::Ede;

constexpr std::uint32_t stale_ttl = 30;

Ede explain(const Stored& entry, Freshness freshness) noexcept {
    if (entry.kind == Kind::failure) return Ede::cached_error;
    if (freshness == Freshness::fresh) return Ede::none;
    return entry.kind == Kind::nxdomain ? Ede::stale_nxdomain : Ede::stale;
}

/// AD tells of the upstream's validation to those who asked for it (RFC 6840 section 5.8); AA is
/// never ours to say.
std::uint16_t flags_for(std::uint16_t kept, const wire::Question& question) noexcept {
    namespace flag = wire::flag;
    const bool wants_ad =
        (question.flags & flag::ad) != 0 || (question.edns && question.edns->dnssec_ok);
    const unsigned ad = wants_ad ? kept & flag::ad : 0U;
    return static_cast<std::uint16_t>(flag::qr | flag::ra | ad | (kept & 0xfU) |
                                      (question.flags & (flag::rd | flag::cd)));
}

}  // namespace

bool Stored::is(const Key& key) const noexcept {
    return qtype == key.qtype && dnssec_ok == key.dnssec_ok &&
           checking_disabled == key.checking_disabled && qname_bytes == key.lower_qname.size() &&
           std::memcmp(lower_qname().data(), key.lower_qname.data(), qname_bytes) == 0;
}

std::size_t stored_bytes(std::size_t records, std::size_t message_bytes) noexcept {
    const std::size_t bytes = sizeof(Stored) + records * sizeof(std::uint16_t) + message_bytes;
    return (bytes + 7) & ~std::size_t{7};
}

void fill(Stored& entry, const Storable& storable, std::uint32_t ttl_max,
          std::span<const std::uint8_t> reply) noexcept {
    const auto message = entry.message();
    std::copy_n(reply.begin(), storable.bytes, message.begin());
    wire::write16(message, 0, 0);
    wire::write16(message, 6, storable.answers);
    wire::write16(message, 8, storable.authority);
    wire::write16(message, 10, 0);
    // What denies a name shows the time that it may be denied.
    if (storable.kind != Kind::positive) ttl_max = storable.ttl;
    std::copy_n(storable.ttl_offsets.begin(), storable.records, entry.ttl_offsets().begin());
    for (const std::uint16_t offset : entry.ttl_offsets()) {
        wire::write32(message, offset, std::min(wire::read32(message, offset), ttl_max));
    }
}

void fill_failure(Stored& entry, const wire::Question& question) noexcept {
    const auto message = entry.message();
    std::fill_n(message.begin(), wire::header_bytes, std::uint8_t{0});
    wire::write16(message, 2, static_cast<std::size_t>(wire::Rcode::servfail));
    wire::write16(message, 4, 1);
    std::copy_n(question.message.begin() + wire::header_bytes, question.qname_bytes + 4,
                message.begin() + wire::header_bytes);
}

std::size_t write_answer(const Stored& entry, const wire::Question& question, std::uint32_t now,
                         Freshness freshness, std::size_t limit,
                         std::span<std::uint8_t> out) noexcept {
    const auto message = entry.message();
    const std::uint16_t flags = flags_for(wire::read16(message, 2), question);
    const std::size_t opt = question.edns ? wire::opt_bytes_max : 0;
    const bool cut = message.size() + opt > limit;
    std::size_t end = cut ? question.end() : message.size();
    std::memcpy(out.data(), message.data(), end);
    // Spelled as the client spells it; all names that point there are so too.
    std::memcpy(out.data() + wire::header_bytes, question.qname().data(), question.qname_bytes + 4);
    wire::write16(out, 0, question.id);
    wire::write16(out, 2, flags | (cut ? wire::flag::tc : 0U));
    if (cut) {
        std::fill_n(out.begin() + 6, 4, std::uint8_t{0});
    } else {
        const std::uint32_t age = entry.age(now);
        for (const std::uint16_t offset : entry.ttl_offsets()) {
            const std::uint32_t ttl = wire::read32(message, offset);
            wire::write32(out, offset, freshness == Freshness::stale ? stale_ttl : ttl - age);
        }
    }
    if (question.edns) {
        wire::write16(out, 10, 1);
        end += wire::write_opt(out.subspan(end), static_cast<wire::Rcode>(0),
                               question.edns->dnssec_ok, explain(entry, freshness));
    }
    return end;
}

}  // namespace meshgate::dns::cache
