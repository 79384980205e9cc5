#include "conf/corefile/words.h"

#include <ostream>

#include <doctest/doctest.h>

using namespace meshgate::conf::corefile;
using std::chrono::milliseconds;

TEST_CASE("durations are Go's") {
    CHECK(parse_duration("0") == milliseconds{0});
    CHECK(parse_duration("5s") == milliseconds{5000});
    CHECK(parse_duration("1m30s") == milliseconds{90000});
    CHECK(parse_duration("1.5h") == milliseconds{5400000});
    CHECK(parse_duration("500ms") == milliseconds{500});
    for (const char* wrong : {"", "5", "s", "-5s", "5 s", "5x", "1m30", "1e400h", "9999999h"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_duration(wrong));
    }
}

TEST_CASE("return codes in any case, and only those of a header") {
    CHECK(parse_rcode("NXDOMAIN") == 3);
    CHECK(parse_rcode("servfail") == 2);
    CHECK(parse_rcode("NOTZONE") == 10);
    CHECK_FALSE(parse_rcode("BADVERS"));
    CHECK_FALSE(parse_rcode("3"));
    CHECK_FALSE(parse_rcode(""));
}

TEST_CASE("zones lose their dot and their case; a network is none") {
    CHECK(parse_zone(".") == "");
    CHECK(parse_zone("Example.ORG.") == "example.org");
    CHECK(parse_zone("_tcp.mesh") == "_tcp.mesh");
    CHECK_FALSE(parse_zone("10.0.0.0/8"));
    CHECK_FALSE(parse_zone(""));
    CHECK_FALSE(parse_zone("a..b"));
}
