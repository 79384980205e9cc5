#include "dns/cache/storable.h"
#include "messages.h"

#include <doctest/doctest.h>

#include <optional>

using namespace meshgate::test;
using namespace meshgate::dns;
using cache::Kind;

namespace {

constexpr std::uint16_t nxdomain = 0x8183, servfail = 0x8182, truncated = 0x8380;
constexpr std::uint16_t rrsig = 46, nsec = 47;

std::optional<cache::Storable> judged(const Query& query, const Sections& sections) {
    return cache::judge(query.question, reply(query.bytes, sections));
}

}  // namespace

TEST_CASE("what is kept of an answer") {
    struct Row {
        const char* name;
        Sections sections;
        Kind kind;
        std::uint32_t ttl;
        std::size_t records;
    };
    const Query query{"www.example.org", 1};
    const Row rows[] = {
        {"an address", {{a("www.example.org", 60)}}, Kind::positive, 60, 1},
        {"the smallest TTL counts",
         {{a("www.example.org", 60), a("www.example.org", 20, 2)}},
         Kind::positive,
         20,
         2},
        {"a day at most", {{a("www.example.org", 1000000)}}, Kind::positive, 86400, 1},
        {"names in any case", {{a("WWW.Example.ORG", 60)}}, Kind::positive, 60, 1},
        {"a chain",
         {{cname("www.example.org", 50, "a.example.net"), a("a.example.net", 60)}},
         Kind::positive,
         50,
         2},
        {"not the other sections",
         {{a("www.example.org", 60)},
          {{"example.org", 2, 60, name("evil.example")}},
          {a("evil.example", 60)}},
         Kind::positive,
         60,
         1},
        {"no such name",
         {{}, {soa("example.org", 900, 120)}, {}, nxdomain},
         Kind::nxdomain,
         120,
         1},
        {"no such type", {{}, {soa("example.org", 100, 900)}}, Kind::nodata, 100, 1},
        {"five minutes at most", {{}, {soa("example.org", 9000, 9000)}}, Kind::nodata, 300, 1},
        {"an SOA of the root", {{}, {soa(".", 100, 900)}, {}, nxdomain}, Kind::nxdomain, 100, 1},
        {"an SOA of the name itself", {{}, {soa("www.example.org", 90, 90)}}, Kind::nodata, 90, 1},
        {"a chain to nothing",
         {{cname("www.example.org", 50, "a.example.net")},
          {soa("example.net", 90, 90)},
          {},
          nxdomain},
         Kind::nxdomain,
         50,
         2},
        {"the servers after the SOA are not kept",
         {{}, {soa("example.org", 90, 90), {"example.org", 2, 60, name("evil.example")}}},
         Kind::nodata,
         90,
         1},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const auto kept = judged(query, row.sections);
        REQUIRE(kept);
        CHECK(static_cast<int>(kept->kind) == static_cast<int>(row.kind));
        CHECK(kept->ttl == row.ttl);
        CHECK(kept->records == row.records);
    }
}

TEST_CASE("what is never kept") {
    struct Row {
        const char* name;
        Sections sections;
    };
    const Query query{"www.example.org", 1};
    const Row rows[] = {
        {"truncated", {{a("www.example.org", 60)}, {}, {}, truncated}},
        {"a failure", {{}, {}, {}, servfail}},
        {"TTL 0", {{a("www.example.org", 0)}}},
        {"a TTL with its first bit set", {{a("www.example.org", 0x80000000U)}}},
        {"an address of another name", {{a("evil.example", 60)}}},
        {"an address of another name beside one of ours",
         {{a("www.example.org", 60), a("evil.example", 60)}}},
        {"another type of our name", {{{"www.example.org", 16, 60, {1, 'x'}}}}},
        {"another class", {{{"www.example.org", 1, 60, {1, 2, 3, 4}, 3}}}},
        {"an address off the chain",
         {{cname("www.example.org", 60, "a.example.net"), a("b.example.net", 60)}}},
        {"an address of the alias",
         {{cname("www.example.org", 60, "a.example.net"), a("www.example.org", 60)}}},
        {"a chain that turns",
         {{cname("www.example.org", 60, "a.example.net"),
           cname("a.example.net", 60, "www.example.org")}}},
        {"a signature nobody asked for",
         {{a("www.example.org", 60), {"www.example.org", rrsig, 60, {1}}}}},
        {"an answer that says NXDOMAIN", {{a("www.example.org", 60)}, {}, {}, nxdomain}},
        {"no name and no SOA", {{}, {}, {}, nxdomain}},
        {"no type and no SOA", {{}, {}}},
        {"a dangling chain without SOA", {{cname("www.example.org", 60, "a.example.net")}}},
        {"an SOA of another zone", {{}, {soa("example.net", 60, 60)}, {}, nxdomain}},
        {"an SOA of a name below", {{}, {soa("a.www.example.org", 60, 60)}, {}, nxdomain}},
        {"an SOA of a zone that only ends alike", {{}, {soa("ample.org", 60, 60)}}},
        {"an SOA of the alias, not of where it leads",
         {{cname("www.example.org", 60, "a.example.net")}, {soa("example.org", 60, 60)}}},
        {"two SOAs", {{}, {soa("example.org", 60, 60), soa("org", 60, 60)}}},
        {"an SOA with MINIMUM 0", {{}, {soa("example.org", 60, 0)}}},
        {"servers before the SOA",
         {{}, {{"example.org", 2, 60, name("ns.example")}, soa("example.org", 60, 60)}}},
        {"an SOA that is cut", {{}, {{"example.org", 6, 60, {0, 0, 1, 2}}}}},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        CHECK_FALSE(judged(query, row.sections));
    }
}

TEST_CASE("questions whose answers are never kept") {
    for (const std::uint16_t qtype :
         {std::uint16_t{255}, std::uint16_t{252}, std::uint16_t{251}, rrsig}) {
        CAPTURE(qtype);
        const Query query{"example.org", qtype};
        CHECK_FALSE(judged(query, {{{"example.org", qtype, 60, {1}}}}));
    }
}

TEST_CASE("who asks for DNSSEC gets its records from the cache too") {
    const Query query{"www.example.org", 1, Want::dnssec};
    const Rr signature{"www.example.org", rrsig, 60, {1}};
    CHECK(judged(query, {{a("www.example.org", 60), signature}})->records == 2);
    const Rr proof{"a.example.org", nsec, 60, {0}};
    const auto negative = judged(query, {{}, {proof, soa("example.org", 60, 60), signature}});
    REQUIRE(negative);
    CHECK(negative->authority == 3);
    const Rr foreign{"a.example.net", nsec, 60, {0}};
    CHECK_FALSE(judged(query, {{}, {foreign, soa("example.org", 60, 60)}}));
}

TEST_CASE("too many records and too large messages are not kept") {
    const Query query{"www.example.org", 1};
    Sections many;
    for (std::size_t i = 0; i < cache::stored_records_max; ++i) {
        many.answers.push_back(a("www.example.org", 60, static_cast<std::uint8_t>(i)));
    }
    CHECK(judged(query, many));
    many.answers.push_back(a("www.example.org", 60));
    CHECK_FALSE(judged(query, many));

    const Query text{"www.example.org", 16};
    CHECK_FALSE(judged(text, {{{"www.example.org", 16, 60, Bytes(9000)}}}));
}

TEST_CASE("every beginning of a reply is judged without reading past it") {
    const Query query{"www.example.org", 1};
    const Bytes whole =
        reply(query.bytes, {{cname("www.example.org", 50, "a.example.net"), a("a.example.net", 60)},
                            {soa("example.net", 90, 90)}});
    for (std::size_t size = 12; size < whole.size(); ++size) {
        const Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
        static_cast<void>(cache::judge(query.question, cut));
    }
    CHECK(cache::judge(query.question, whole));
}
