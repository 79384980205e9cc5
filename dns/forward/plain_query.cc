#include "dns/forward/plain_query.h"

#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/question.h"
#include "dns/wire/record.h"
#include "dns/wire/reply.h"

namespace meshgate::dns::forward {
namespace {

constexpr std::size_t answer_count = 6, authority_count = 8, additional_count = 10;

/// Bytes of the query without its OPT; 0 when it is not the last thing, and the only one behind the
/// question.
std::size_t bytes_before_opt(std::span<const std::uint8_t> query) noexcept {
    if (query.size() < wire::header_bytes) return 0;
    if (wire::read16(query, answer_count) != 0 || wire::read16(query, authority_count) != 0 ||
        wire::read16(query, additional_count) != 1) {
        return 0;
    }
    const std::size_t name_end = wire::skip_name(query, wire::header_bytes);
    if (name_end == 0) return 0;
    const auto record = wire::read_record(query, name_end + 4);
    if (!record || record->type != wire::type::opt || record->end != query.size()) return 0;
    return record->owner;
}

}  // namespace

PlainQuery::PlainQuery(std::span<std::uint8_t> query, bool wanted) noexcept
    : query_(query), bytes_(query.size()) {
    const std::size_t plain = wanted ? bytes_before_opt(query) : 0;
    if (plain == 0) return;
    bytes_ = plain;
    wire::write16(query_, additional_count, 0);
}

PlainQuery::~PlainQuery() {
    if (bytes_ != query_.size()) wire::write16(query_, additional_count, 1);
}

bool PlainQuery::is_possible(std::span<const std::uint8_t> query) noexcept {
    return bytes_before_opt(query) != 0;
}

bool may_refuse_edns(std::span<const std::uint8_t> reply) noexcept {
    const auto rcode = wire::header_rcode(reply);
    return (rcode == wire::Rcode::formerr || rcode == wire::Rcode::notimp) &&
           wire::read16(reply, additional_count) == 0;
}

}  // namespace meshgate::dns::forward
