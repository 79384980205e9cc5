#include "dns/cache/cache.h"
#include "messages.h"

#include "dns/wire/bytes.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace meshgate::test;
using namespace meshgate::dns;
using cache::Cache;

namespace {

constexpr std::size_t bytes_of_cache = std::size_t{1} << 20;
constexpr std::uint16_t nxdomain = 0x8183;

struct Got {
    Bytes message;
    bool refresh = false;

    [[nodiscard]] unsigned rcode() const { return message.at(3) & 15U; }
    [[nodiscard]] bool truncated() const { return (message.at(2) & 2U) != 0; }
    [[nodiscard]] unsigned answers() const { return wire::read16(message, 6); }
};

Got ask(Cache& cache, const Query& query, std::uint32_t now, std::size_t limit = 1232) {
    Got got{Bytes(65535)};
    const auto answer = cache.answer(query.question, now, limit, got.message);
    got.message.resize(answer.bytes);
    got.refresh = answer.refresh;
    return got;
}

Bytes ask_stale(Cache& cache, const Query& query, std::uint32_t now) {
    Bytes out(65535);
    out.resize(cache.answer_stale(query.question, now, 1232, out));
    return out;
}

void store(Cache& cache, const Query& query, const Sections& sections, std::uint32_t now) {
    cache.store(query.question, reply(query.bytes, sections), now);
}

/// The TTL of an answer whose only record has four bytes of data.
std::uint32_t ttl_of(const Bytes& message, std::size_t opt = 0) {
    return wire::read32(message, message.size() - opt - 10);
}

}  // namespace

TEST_CASE("an answer is given again with the client's id, spelling and a smaller TTL") {
    Cache cache{bytes_of_cache};
    const Query first{"www.example.org", 1};
    CHECK(ask(cache, first, 0).message.empty());
    store(cache, first, {{a("www.example.org", 60)}}, 100);

    const Query second{query("wWw.ExAmPlE.oRg", 1, Want::plain, 0xbeef)};
    const auto got = ask(cache, second, 141);
    Bytes expected = reply(second.bytes, {{a("www.example.org", 19)}});
    CHECK(got.message == expected);
    CHECK(cache.entries() == 1);
}

TEST_CASE("an answer ends with its TTL") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1};
    store(cache, query, {{a("www.example.org", 60)}}, 100);
    CHECK(ttl_of(ask(cache, query, 159).message) == 1);
    CHECK(ask(cache, query, 160).message.empty());
}

TEST_CASE("an answer is kept for its name, type, DO and CD only") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1};
    store(cache, query, {{a("www.example.org", 60)}}, 0);
    CHECK(ask(cache, Query{"www.example.org", 28}, 1).message.empty());
    CHECK(ask(cache, Query{"example.org", 1}, 1).message.empty());
    CHECK(ask(cache, Query{"www.example.org", 1, Want::dnssec}, 1).message.empty());
    Bytes checking_disabled = query.bytes;
    checking_disabled[3] |= 0x10;
    CHECK(ask(cache, Query{checking_disabled}, 1).message.empty());
    CHECK_FALSE(ask(cache, query, 1).message.empty());
    CHECK_FALSE(ask(cache, Query{"www.example.org", 1, Want::edns}, 1).message.empty());
}

TEST_CASE("an OPT is given to those who sent one") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1, Want::edns};
    store(cache, query, {{a("www.example.org", 60)}, {}, {{".", 41, 0, {}, 4096}}}, 0);
    const auto with = ask(cache, query, 10);
    CHECK(wire::read16(with.message, 10) == 1);
    CHECK(ttl_of(with.message, 11) == 50);
    CHECK(wire::read16(ask(cache, Query{"www.example.org", 1}, 10).message, 10) == 0);
}

TEST_CASE("AD is told to those who asked, AA never") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1};
    store(cache, query, {{a("www.example.org", 60)}, {}, {}, 0x85a0}, 0);  // QR AA RD RA AD
    CHECK(wire::read16(ask(cache, query, 1).message, 2) == 0x8180);
    Bytes wants_ad = query.bytes;
    wants_ad[3] |= 0x20;
    CHECK(wire::read16(ask(cache, Query{wants_ad}, 1).message, 2) == 0x81a0);
    Bytes without_rd = query.bytes;
    without_rd[2] = 0;
    CHECK(wire::read16(ask(cache, Query{without_rd}, 1).message, 2) == 0x8080);
}

TEST_CASE("an NXDOMAIN holds for every type, until there is an answer") {
    Cache cache{bytes_of_cache};
    const Query address{"www.example.org", 1}, text{"www.example.org", 16};
    store(cache, address, {{}, {soa("example.org", 60, 60)}, {}, nxdomain}, 0);
    const auto got = ask(cache, text, 10);
    REQUIRE_FALSE(got.message.empty());
    CHECK(got.rcode() == 3);
    store(cache, text, {{{"www.example.org", 16, 60, {1, 'x', 1, 'y'}}}}, 20);
    CHECK(ask(cache, text, 21).rcode() == 0);
    CHECK(ask(cache, address, 21).message.empty());
}

TEST_CASE("a NODATA holds for its type") {
    Cache cache{bytes_of_cache};
    store(cache, Query{"www.example.org", 28}, {{}, {soa("example.org", 60, 60)}}, 0);
    CHECK(ask(cache, Query{"www.example.org", 28}, 1).rcode() == 0);
    CHECK(ask(cache, Query{"www.example.org", 1}, 1).message.empty());
}

TEST_CASE("what does not fit is cut to an empty answer with TC") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 16};
    store(cache, query, {{{"www.example.org", 16, 60, Bytes(1000)}}}, 0);
    const auto cut = ask(cache, query, 1, 512);
    CHECK(cut.truncated());
    CHECK(cut.answers() == 0);
    CHECK(cut.message.size() == query.question.end());
    CHECK_FALSE(ask(cache, query, 1, 65535).truncated());
}

TEST_CASE("a failure is told for five seconds, and hides nothing that is known") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1, Want::edns};
    cache.store_failure(query.question, 0);
    const auto failed = ask(cache, query, 4);
    CHECK(failed.rcode() == 2);
    CHECK(wire::read16(failed.message, failed.message.size() - 2) == 13);  // EDE: cached error
    CHECK(ask(cache, query, 5).message.empty());
    CHECK(ask_stale(cache, query, 5).empty());

    store(cache, query, {{a("www.example.org", 60)}}, 10);
    cache.store_failure(query.question, 20);
    CHECK(ask(cache, query, 21).rcode() == 0);
    CHECK(cache.is_failing(query.question, 24));
    CHECK_FALSE(cache.is_failing(query.question, 25));
}

TEST_CASE("a stale answer has a TTL of 30, says so, and is gone after a day") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1, Want::edns};
    CHECK(ask_stale(cache, query, 0).empty());
    store(cache, query, {{a("www.example.org", 60)}}, 0);
    CHECK(ttl_of(ask_stale(cache, query, 10), 11) == 50);
    const Bytes stale = ask_stale(cache, query, 60 + 86399);
    REQUIRE_FALSE(stale.empty());
    CHECK(ttl_of(stale, 17) == 30);
    CHECK(wire::read16(stale, stale.size() - 2) == 3);  // EDE: stale answer
    CHECK(ask_stale(cache, query, 60 + 86400).empty());
}

TEST_CASE("an answer in use is asked for once before it ends") {
    Cache cache{bytes_of_cache};
    const Query query{"www.example.org", 1};
    store(cache, query, {{a("www.example.org", 100)}}, 0);
    CHECK_FALSE(ask(cache, query, 10).refresh);
    CHECK_FALSE(ask(cache, query, 89).refresh);
    CHECK(ask(cache, query, 90).refresh);
    CHECK_FALSE(ask(cache, query, 94).refresh);
    CHECK(ask(cache, query, 95).refresh);
    const Query once{"once.example.org", 1};
    store(cache, once, {{a("once.example.org", 100)}}, 0);
    CHECK_FALSE(ask(cache, once, 95).refresh);
}

TEST_CASE("flush forgets a name, or everything") {
    Cache cache{bytes_of_cache};
    const Query address{"www.example.org", 1}, text{"www.example.org", 16}, other{"example.org", 1};
    store(cache, address, {{a("www.example.org", 60)}}, 0);
    store(cache, text, {{{"www.example.org", 16, 60, {1, 'x'}}}}, 0);
    store(cache, other, {{a("example.org", 60)}}, 0);
    CHECK(cache.flush(address.question.lower()) == 2);
    CHECK(cache.flush(address.question.lower()) == 0);
    CHECK(ask(cache, address, 1).message.empty());
    CHECK_FALSE(ask(cache, other, 1).message.empty());
    cache.flush();
    CHECK(cache.entries() == 0);
    CHECK(cache.bytes() == 0);
    store(cache, address, {{a("www.example.org", 60)}}, 2);
    CHECK_FALSE(ask(cache, address, 3).message.empty());
}

TEST_CASE("a cache of no size keeps nothing") {
    Cache cache{0};
    const Query query{"www.example.org", 1};
    store(cache, query, {{a("www.example.org", 60)}}, 0);
    cache.store_failure(query.question, 0);
    CHECK(ask(cache, query, 0).message.empty());
    CHECK(ask_stale(cache, query, 0).empty());
    CHECK_FALSE(cache.is_failing(query.question, 0));
    CHECK(cache.flush(query.question.lower()) == 0);
    cache.flush();
}

TEST_CASE("names that are asked for survive a flood of names that are not") {
    Cache cache{Cache::min_bytes};
    const std::array<std::string, 3> popular{"a.example.org", "b.example.org", "c.example.org"};
    for (const auto& name : popular) {
        store(cache, Query{name, 1}, {{a(name, 86400)}}, 0);
    }
    for (int i = 0; i < 20000; ++i) {
        const std::string name = "x" + std::to_string(i) + ".example.org";
        store(cache, Query{name, 1}, {{}, {soa("example.org", 300, 300)}, {}, nxdomain}, 0);
        if (i % 50 != 0) continue;
        for (const auto& each : popular) CHECK_FALSE(ask(cache, Query{each, 1}, 1).message.empty());
    }
    CHECK(cache.bytes() <= Cache::min_bytes);
    CHECK(cache.entries() > 100);
}

TEST_CASE("names that were asked for often outlive a flood in which nobody asks for them") {
    Cache cache{Cache::min_bytes};
    std::vector<std::string> popular;  // they came together: in the ring they stand together
    for (int i = 0; i < 60; ++i) popular.push_back("p" + std::to_string(i) + ".example.org");
    for (const auto& name : popular) store(cache, Query{name, 1}, {{a(name, 86400)}}, 0);
    store(cache, Query{"once.example.org", 1}, {{a("once.example.org", 86400)}}, 0);
    CHECK_FALSE(ask(cache, Query{"once.example.org", 1}, 1).message.empty());
    for (int i = 0; i < 10; ++i) {
        for (const auto& each : popular) CHECK_FALSE(ask(cache, Query{each, 1}, 1).message.empty());
    }
    // Four turns of the ring or more: it has 64 KiB, each of these takes some 160 bytes.
    for (int i = 0; i < 1400; ++i) {
        const std::string name = "x" + std::to_string(i) + ".example.org";
        store(cache, Query{name, 1}, {{}, {soa("example.org", 300, 300)}, {}, nxdomain}, 1);
    }
    for (const auto& each : popular) CHECK(cache.look(Query{each, 1}.question, 2));
    CHECK_FALSE(cache.look(Query{"once.example.org", 1}.question, 2));
    // And it ends: room is not theirs for ever.
    for (int i = 1400; i < 12000; ++i) {
        const std::string name = "x" + std::to_string(i) + ".example.org";
        store(cache, Query{name, 1}, {{}, {soa("example.org", 300, 300)}, {}, nxdomain}, 1);
    }
    for (const auto& each : popular) CHECK_FALSE(cache.look(Query{each, 1}.question, 2));
}

TEST_CASE("answers are kept and shown no longer than the configured time") {
    Cache cache{bytes_of_cache};
    cache.set_ttl_max({30, 0});
    const Query www{"www.example", 1};
    store(cache, www, {.answers = {a("www.example", 300)}}, 1000);
    CHECK(ttl_of(ask(cache, www, 1010).message) == 20);
    CHECK(ask(cache, www, 1030).message.empty());
    const Query missing{"missing.example", 1};
    store(cache, missing, {.authority = {soa("example", 60, 60)}, .flags = nxdomain}, 1000);
    CHECK(ask(cache, missing, 1001).message.empty());
    cache.set_ttl_max({0, 0});
    cache.store_failure(missing.question, 1001);
    store(cache, www, {.answers = {a("www.example", 300)}}, 1031);
    CHECK(ask(cache, www, 1032).message.empty());
    CHECK(ask(cache, missing, 1002).message.empty());
}
