// A reply of an upstream, as hostile as it likes, goes into the cache; what comes out again for the
// same question is a whole message of its size, with that question and nothing from other names.
#include "dns/cache/cache.h"
#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/record.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace {

using namespace meshgate::dns;

void must(bool condition) {
    if (!condition) std::abort();
}

/// Every record of the answer can be walked, and nothing follows.
void check_message(std::span<const std::uint8_t> message, const wire::Question& question) {
    must(message.size() >= question.end());
    must(std::equal(question.qname().begin(), question.qname().end(),
                    message.begin() + wire::header_bytes));
    std::size_t at = question.end();
    const std::size_t kept = wire::read16(message, 6) + wire::read16(message, 8);
    for (std::size_t i = 0; i < kept + wire::read16(message, 10); ++i) {
        const auto record = wire::read_record(message, at);
        must(record.has_value());
        std::array<std::uint8_t, 255> name;
        must(wire::expand_name(message, at, name).bytes != 0);
        if (i < kept) must(record->ttl <= cache::positive_ttl_max);
        at = record->end;
    }
    must(at == message.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The query: its length, then its bytes; the rest is the reply.
    if (size < 2) return 0;
    const std::size_t query_bytes = std::min<std::size_t>(data[0], size - 1);
    const std::span<const std::uint8_t> query{data + 1, query_bytes};
    const std::span<const std::uint8_t> reply{data + 1 + query_bytes, size - 1 - query_bytes};
    wire::Question question;
    if (wire::parse_question(query, question) != wire::Parsed::question) return 0;
    static cache::Cache cache{cache::Cache::min_bytes};
    std::vector<std::uint8_t> out(65535);
    cache.store(question, reply, 7);
    if (question.qclass != wire::qclass::in) return 0;
    for (const std::size_t limit : {std::size_t{512}, std::size_t{65535}}) {
        const auto answer = cache.answer(question, 7, limit, out);
        if (answer.bytes == 0) continue;
        must(answer.bytes <= limit);
        check_message(std::span{out}.first(answer.bytes), question);
    }
    if (const auto stale = cache.answer_stale(question, 100000, 65535, out)) {
        check_message(std::span{out}.first(stale), question);
    }
    cache.store_failure(question, 8);
    if (size % 16 == 0) static_cast<void>(cache.flush(question.lower()));
    return 0;
}
