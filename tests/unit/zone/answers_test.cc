#include "ask.h"

#include "conf/load.h"
#include "dns/zone/build.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate;
using test::in_words;
using test::table_of;

namespace {

constexpr const char* toml = R"(
[[service]]
name = "backend_default_svc_8080"
address = "240.0.0.7"
[[service]]
name = "web"
address = ["240.0.0.8", "fd00:fd00::8"]
[[record]]
name = "db.mesh"
type = "A"
value = "10.0.0.5"
[[record]]
name = "db.mesh"
type = "A"
value = "10.0.0.6"
[[record]]
name = "alias.mesh"
type = "CNAME"
value = "web.mesh."
[[record]]
name = "dangling.mesh"
type = "CNAME"
value = "nothing.mesh."
[[record]]
name = "outside.mesh"
type = "CNAME"
value = "www.example.com."
[[record]]
name = "loop.mesh"
type = "CNAME"
value = "loop.mesh."
[[record]]
name = "deep.below.mesh"
type = "TXT"
value = '"one two" three'
ttl = "5s"
[[record]]
name = "*.wild.mesh"
type = "A"
value = "10.0.0.9"
[[record]]
name = "api.example.com"
type = "A"
value = "10.0.0.10"
)";

const dns::zone::Table& table() {
    static const auto instance = table_of(toml);
    return *instance;
}

const std::string soa = "mesh. 30 IN SOA mesh. nobody.invalid. 1 3600 1200 604800 30";

struct Row {
    const char* what;
    test::Query query;
    std::string expected;
};

}  // namespace

TEST_CASE("owned names are answered as the contract says") {
    const Row rows[] = {
        {"A of a service", {"web.mesh"}, "NOERROR aa rd ra | web.mesh. 30 IN A 240.0.0.8"},
        {"under every domain",
         {"web.mesh.local"},
         "NOERROR aa rd ra | web.mesh.local. 30 IN A 240.0.0.8"},
        {"the client's case comes back",
         {"WeB.mEsH"},
         "NOERROR aa rd ra | WeB.mEsH. 30 IN A 240.0.0.8"},
        {"a native AAAA", {"web.mesh", 28}, "NOERROR aa rd ra | web.mesh. 30 IN AAAA fd00:fd00::8"},
        {"a mapped AAAA",
         {"backend_default_svc_8080.mesh", 28},
         "NOERROR aa rd ra | backend_default_svc_8080.mesh. 30 IN AAAA ::ffff:240.0.0.7"},
        {"the twin with dots",
         {"backend.default.svc.8080.mesh"},
         "NOERROR aa rd ra | backend.default.svc.8080.mesh. 30 IN A 240.0.0.7"},
        {"several records of a name",
         {"db.mesh"},
         "NOERROR aa rd ra | db.mesh. 30 IN A 10.0.0.6; db.mesh. 30 IN A 10.0.0.5"},
        {"another type of an existing name is NODATA",
         {"db.mesh", 28},
         "NOERROR aa rd ra |  | " + soa},
        {"HTTPS too", {"web.mesh", 65}, "NOERROR aa rd ra |  | " + soa},
        {"a name between existing ones is NODATA", {"below.mesh"}, "NOERROR aa rd ra |  | " + soa},
        {"an unknown name is NXDOMAIN", {"nobody.mesh"}, "NXDOMAIN aa rd ra |  | " + soa},
        {"also below an existing one", {"x.web.mesh"}, "NXDOMAIN aa rd ra |  | " + soa},
        {"a record's own TTL and text",
         {"deep.below.mesh", 16},
         "NOERROR aa rd ra | deep.below.mesh. 5 IN TXT \"one two\" \"three\""},
        {"SOA at the apex", {"mesh", 6}, "NOERROR aa rd ra | " + soa},
        {"NS at the apex", {"mesh", 2}, "NOERROR aa rd ra | mesh. 30 IN NS mesh."},
        {"no DS, so that validators see an island", {"mesh", 43}, "NOERROR aa rd ra |  | " + soa},
        {"ANY is minimal",
         {"web.mesh", 255},
         "NOERROR aa rd ra | web.mesh. 3600 IN HINFO \"RFC8482\" \"\""},
        {"a CNAME is followed",
         {"alias.mesh"},
         "NOERROR aa rd ra | alias.mesh. 30 IN CNAME web.mesh.; web.mesh. 30 IN A 240.0.0.8"},
        {"a CNAME that was asked for is not",
         {"alias.mesh", 5},
         "NOERROR aa rd ra | alias.mesh. 30 IN CNAME web.mesh."},
        {"a CNAME to nothing",
         {"dangling.mesh"},
         "NXDOMAIN aa rd ra | dangling.mesh. 30 IN CNAME nothing.mesh. | " + soa},
        {"a CNAME that leads out",
         {"outside.mesh"},
         "NOERROR aa rd ra | outside.mesh. 30 IN CNAME www.example.com."},
        {"a wildcard", {"any.wild.mesh"}, "NOERROR aa rd ra | any.wild.mesh. 30 IN A 10.0.0.9"},
        {"PTR of a VIP",
         {"7.0.0.240.in-addr.arpa", 12},
         "NOERROR aa rd ra | 7.0.0.240.in-addr.arpa. 30 IN PTR backend_default_svc_8080.mesh."},
        {"a free address of the range has no name, and is not asked upstream",
         {"9.9.9.250.in-addr.arpa", 12},
         "NXDOMAIN aa rd ra |  | 250.in-addr.arpa. 30 IN SOA 250.in-addr.arpa. nobody.invalid. 1 "
         "3600 1200 604800 30"},
        {"another class", {"web.mesh", 1, 3}, "REFUSED rd ra"},
        {"a transfer", {"mesh", 252}, "REFUSED rd ra"},
        {"a name in a foreign domain",
         {"api.example.com"},
         "NOERROR aa rd ra | api.example.com. 30 IN A 10.0.0.10"},
        {"its other types do not leak",
         {"api.example.com", 28},
         "NOERROR aa rd ra |  | api.example.com. 30 IN SOA api.example.com. nobody.invalid. 1 3600 "
         "1200 604800 30"},
        {"what is beside it is not ours", {"www.example.com"}, "forward"},
        {"what is below it is not ours", {"x.api.example.com"}, "forward"},
        {"what only looks like our suffix is not ours", {"notmesh"}, "forward"},
        {"a foreign reverse name is not ours", {"5.0.0.10.in-addr.arpa", 12}, "forward"},
        {"no RD, no RD back",
         {"web.mesh", 1, 1, {}, false, 0},
         "NOERROR aa ra | web.mesh. 30 IN A 240.0.0.8"},
        {"CD is copied, AD is not",
         {"web.mesh", 1, 1, {}, false, 0x0130},
         "NOERROR aa rd ra cd | web.mesh. 30 IN A 240.0.0.8"},
        {"OPT only for OPT, DO copied",
         {"web.mesh", 1, 1, 4096, true},
         "NOERROR aa rd ra edns do | web.mesh. 30 IN A 240.0.0.8"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(in_words(table(), row.query) == row.expected);
    }
}

TEST_CASE("a CNAME that leads to itself ends") {
    CHECK(in_words(table(), {"loop.mesh"}).starts_with("SERVFAIL"));
}

TEST_CASE("what does not fit becomes an empty answer with TC, never a part of it") {
    std::string text;
    for (int i = 1; i <= 40; ++i) {
        text += "[[record]]\nname = \"many.mesh\"\ntype = \"A\"\nvalue = \"10.1.0." +
                std::to_string(i) + "\"\n";
    }
    const auto many = table_of(text);
    CHECK(in_words(*many, {"many.mesh"}, 512) == "NOERROR aa tc rd ra");
    CHECK(in_words(*many, {"many.mesh", 1, 1, 1232}, 512) == "NOERROR aa tc rd ra edns");
    constexpr std::size_t whole = 12 + 15 + 40 * 16, opt = 11;
    for (std::size_t limit = 512; limit < whole + opt + 2; ++limit) {
        CAPTURE(limit);  // ask() checks that an answer keeps it
        CHECK((test::ask(*many, {"many.mesh"}, limit).size() == whole) == (limit >= whole));
        CHECK((test::ask(*many, {"many.mesh", 1, 1, 1232}, limit).size() == whole + opt) ==
              (limit >= whole + opt));
    }
}

TEST_CASE("a CNAME beside other data is an error that names both places") {
    const char* text = "[[service]]\nname = \"web\"\n[[record]]\nname = \"web.mesh\"\n"
                       "type = \"CNAME\"\nvalue = \"x.mesh.\"\n";
    CHECK_THROWS_WITH_AS(table_of(text),
                         "test.toml:3:1: 'web.mesh' has a CNAME and other data: see test.toml:1:1",
                         conf::Error);
}

TEST_CASE("names() counts the names with data, the generated apex apart") {
    CHECK(table().names() == 4 + 2 + 8);  // twins and web in both domains, names with records
}
