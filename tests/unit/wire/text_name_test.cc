#include "dns/wire/text_name.h"

#include "messages.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate::dns::wire;
using namespace meshgate::test;

TEST_CASE("names go to the wire in lower case and come back") {
    CHECK(to_wire("Web.meSH") == hex("03 776562 04 6d657368 00"));
    CHECK(to_wire("web.mesh.") == to_wire("web.mesh"));
    CHECK(to_wire("") == hex("00"));
    CHECK(to_wire(".") == hex("00"));
    CHECK(to_text(to_wire("a_b.*.mesh")) == "a_b.*.mesh");
    CHECK(to_text(hex("00")) == ".");
    CHECK(to_text(hex("04 61 2e 00 ff 00")) == "a\\046\\000\\255");
}

TEST_CASE("what is no name has no wire form") {
    for (const std::string& text : {std::string{".a"}, std::string{"a..b"}, std::string{"a.."},
                                    std::string(64, 'a'), std::string(254, 'a')}) {
        CAPTURE(text);
        CHECK(to_wire(text).empty());
    }
    std::string longest;
    for (int i = 0; i < 127; ++i) longest += "a.";
    CHECK(to_wire(longest).size() == 255);
    CHECK(to_wire(longest + "a").empty());
}
