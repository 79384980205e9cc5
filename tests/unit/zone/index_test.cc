#include "dns/wire/siphash.h"
#include "dns/wire/text_name.h"
#include "dns/zone/name_index.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate::dns;
using wire::siphash64;

TEST_CASE("the hash is SipHash-1-3") {
    // CPython 3.11 hashes bytes so; its key is 0 with PYTHONHASHSEED=0.
    struct Row {
        const char* name;
        std::uint64_t hash;
    };
    for (const Row& row : {Row{"mesh", 0x508def72beedb870}, Row{"backend.mesh", 0x04d40f354fe2f5ab},
                           Row{"12345678.mesh", 0x50b596dc36dd6fb8}}) {
        CAPTURE(row.name);
        CHECK(siphash64({}, wire::to_wire(row.name)) == row.hash);
    }
}

TEST_CASE("two tables hash with different keys") {
    const auto name = wire::to_wire("backend.mesh");
    CHECK(siphash64(wire::random_hash_key(), name) != siphash64(wire::random_hash_key(), name));
}

TEST_CASE("an index finds every value it was given, whatever their hashes") {
    for (const std::uint32_t hash_bits : {0U, 3U, 0xffffffffU}) {
        CAPTURE(hash_bits);
        zone::NameIndex index;
        const auto hash = [hash_bits](std::uint32_t value) {
            return (value * 2654435761U) & hash_bits;
        };
        constexpr std::uint32_t count = 500;
        for (std::uint32_t value = 0; value < count; ++value) index.insert(hash(value), value);
        for (std::uint32_t value = 0; value < count; ++value) {
            const auto found =
                index.find(hash(value), [value](std::uint32_t other) { return other == value; });
            REQUIRE(found);
            CHECK(*found == value);
        }
        CHECK_FALSE(index.find(hash(count), [](std::uint32_t) { return false; }));
    }
}
