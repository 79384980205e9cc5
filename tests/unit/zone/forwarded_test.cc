#include "ask.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using test::in_words;
using test::table_of;

namespace {

constexpr const char* toml = R"(
[mesh]
domains = ["mesh", "deep.old.legacy.mesh"]
[[dns.forward]]
suffix = "legacy.mesh"
upstreams = "10.0.0.53"
[[dns.forward]]
suffix = "a.b.mesh"
upstreams = "10.0.0.53"
[[dns.forward]]
suffix = "240.in-addr.arpa"
upstreams = "10.0.0.53"
[[dns.forward]]
suffix = "corp.example"
upstreams = "10.0.0.53"
[[service]]
name = "web"
address = "240.0.0.8"
[[record]]
name = "own.legacy.mesh"
type = "A"
value = "10.0.0.5"
[[record]]
name = "below.nothing.legacy.mesh"
type = "A"
value = "10.0.0.5"
[[record]]
name = "*.mesh"
type = "A"
value = "10.0.0.9"
[[record]]
name = "*.wild.legacy.mesh"
type = "A"
value = "10.0.0.8"
[[record]]
name = "alias.mesh"
type = "CNAME"
value = "www.legacy.mesh."
[[record]]
name = "db.corp.example"
type = "A"
value = "10.0.0.7"
)";

}  // namespace

TEST_CASE("of a forwarded suffix only the names that have data are ours") {
    const auto table = table_of(toml);
    struct Row {
        const char* name;
        std::uint16_t type;
        std::string starts;
    };
    const Row rows[] = {
        {"web.mesh", 1, "NOERROR aa rd ra | web.mesh. 30 IN A 240.0.0.8"},
        {"other.mesh", 1, "NOERROR aa rd ra | other.mesh. 30 IN A 10.0.0.9"},
        {"legacy.mesh", 1, "forward"},
        {"www.legacy.mesh", 1, "forward"},
        {"WWW.Legacy.mesh", 16, "forward"},
        {"own.legacy.mesh", 1, "NOERROR aa rd ra | own.legacy.mesh. 30 IN A 10.0.0.5"},
        {"own.legacy.mesh", 16, "NOERROR aa rd ra |  | mesh. 30 IN SOA"},
        {"x.own.legacy.mesh", 1, "forward"},
        {"nothing.legacy.mesh", 1, "forward"},  // only names below it
        {"x.wild.legacy.mesh", 1, "NOERROR aa rd ra | x.wild.legacy.mesh. 30 IN A 10.0.0.8"},
        {"wild.legacy.mesh", 1, "forward"},
        {"alias.mesh", 1, "NOERROR aa rd ra | alias.mesh. 30 IN CNAME www.legacy.mesh."},
        {"x.deep.old.legacy.mesh", 1, "NXDOMAIN aa rd ra |  | deep.old.legacy.mesh."},
        {"old.legacy.mesh", 1, "forward"},
        {"a.b.mesh", 1, "forward"},
        {"b.mesh", 1, "NOERROR aa rd ra |  | mesh. 30 IN SOA"},  // something is below it
        {"8.0.0.240.in-addr.arpa", 12, "NOERROR aa rd ra | 8.0.0.240.in-addr.arpa. 30 IN PTR web"},
        {"9.0.0.240.in-addr.arpa", 12, "NXDOMAIN"},  // a zone of ours, no part of one
        {"db.corp.example", 1, "NOERROR aa rd ra | db.corp.example. 30 IN A 10.0.0.7"},
        {"www.corp.example", 1, "forward"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const std::string words = in_words(*table, {.name = row.name, .type = row.type});
        CAPTURE(words);
        CHECK(words.starts_with(row.starts));
    }
}
