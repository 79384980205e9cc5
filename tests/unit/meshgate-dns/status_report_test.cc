#include "src/meshgate-dns/status_report.h"

#include <ostream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::dnsd;

namespace {

StatusReport example() {
    StatusReport report;
    report.state = "ready";
    report.version = "0.1.0";
    report.pid = 42;
    report.uptime_seconds = 1.5;
    report.names = 3;
    report.reload = {false, 2, "a.toml:1:2: unknown key \"x\"\na.toml:3:4: no number"};
    report.upstreams = {{"192.0.2.1:53", true}, {"[2001:db8::1]:53", false}};
    report.feeds = {{"kuma", true, 0.25}, {"late", false, std::nullopt}};
    return report;
}

}  // namespace

TEST_CASE("the status has the keys of the contract, in their order") {
    CHECK(to_json(example()) ==
          R"({"schema":"meshgate-dns.status/1","state":"ready","version":"0.1.0","pid":42,)"
          R"("uptime_seconds":1.500,"names":3,"reload":{"ok":false,"count":2,"error":)"
          R"("a.toml:1:2: unknown key \"x\"\na.toml:3:4: no number"},"upstreams":[)"
          R"({"address":"192.0.2.1:53","up":true},{"address":"[2001:db8::1]:53","up":false}],)"
          R"("feeds":[{"name":"kuma","ok":true,"age_seconds":0.250},)"
          R"({"name":"late","ok":false,"age_seconds":null}]})"
          "\n");
}

TEST_CASE("the status comes back as it was") {
    const StatusReport report = parse_status(to_json(example()));
    CHECK(to_json(report) == to_json(example()));
    CHECK(to_json(parse_status(to_json(StatusReport{}))) == to_json(StatusReport{}));
}

TEST_CASE("another document is no status") {
    for (const std::string text : {"", "{", "[]", "{\"schema\":\"meshgate-dns.status/2\"}",
                                   "{\"schema\":\"meshgate-dns.status/1\"}"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_status(text), std::runtime_error);
    }
}

TEST_CASE("people read every line of an error and every upstream") {
    const std::string text = to_text(example());
    for (const std::string part :
         {"state      ready\n", "reloads    2, the last one failed\n",
          "           a.toml:3:4: no number\n", "upstream   [2001:db8::1]:53 down\n",
          "feed       kuma ok, 0.250 s old\n", "feed       late failing, nothing yet\n"}) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
}
