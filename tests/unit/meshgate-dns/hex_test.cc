#include "src/meshgate-dns/hex.h"

#include <ostream>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate::dnsd;

TEST_CASE("bytes and their digits") {
    const std::vector<std::uint8_t> bytes{0x00, 0x7f, 0x80, 0xff};
    CHECK(to_hex(bytes) == "007f80ff");
    CHECK(from_hex("007F80fF") == bytes);
    CHECK(from_hex("") == std::vector<std::uint8_t>{});
    CHECK(to_hex({}).empty());
}

TEST_CASE("what are no digits of whole bytes is refused") {
    for (const char* text : {"0", "000", "0g", "g0", "-1", "+1", " 1", "0x", "1 "}) {
        CAPTURE(text);
        CHECK_FALSE(from_hex(text));
    }
}
