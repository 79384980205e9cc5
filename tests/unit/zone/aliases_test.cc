#include "ask.h"

#include "conf/load.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using test::in_words;
using test::table_of;

namespace {

std::string record(const std::string& name, const std::string& type, const std::string& value) {
    return "[[record]]\nname = \"" + name + "\"\ntype = \"" + type + "\"\nvalue = '" + value +
           "'\n";
}

/// c1 -> c2 -> ... -> cN -> web.mesh
std::string chain(int links) {
    std::string text = "[[service]]\nname = \"web\"\naddress = \"240.0.0.8\"\n";
    for (int i = 1; i <= links; ++i) {
        const std::string target =
            i == links ? "web.mesh." : "c" + std::to_string(i + 1) + ".mesh.";
        text += record("c" + std::to_string(i) + ".mesh", "CNAME", target);
    }
    return text;
}

}  // namespace

TEST_CASE("an alias is followed whatever the case its target is written in") {
    const auto table = table_of("[[service]]\nname = \"web\"\naddress = \"240.0.0.8\"\n" +
                                record("a.mesh", "CNAME", "WEB.Mesh."));
    CHECK(in_words(*table, {"a.mesh"}) ==
          "NOERROR aa rd ra | a.mesh. 30 IN CNAME web.mesh.; web.mesh. 30 IN A 240.0.0.8");
}

TEST_CASE("a target is absolute without its last dot too") {
    const auto table = table_of("[[service]]\nname = \"web\"\naddress = \"240.0.0.8\"\n" +
                                record("a.mesh", "CNAME", "web.mesh"));
    CHECK(in_words(*table, {"a.mesh", 5}) == "NOERROR aa rd ra | a.mesh. 30 IN CNAME web.mesh.");
}

TEST_CASE("a chain of eight aliases is followed, a longer one is an error") {
    CHECK(in_words(*table_of(chain(8)), {"c1.mesh"})
              .ends_with("c8.mesh. 30 IN CNAME web.mesh.; web.mesh. 30 IN A 240.0.0.8"));
    CHECK(in_words(*table_of(chain(9)), {"c1.mesh"}).starts_with("SERVFAIL"));
}

TEST_CASE("an alias to a name without the type asked for is NODATA with its alias") {
    const auto table = table_of(chain(1));
    CHECK(in_words(*table, {"c1.mesh", 16}) ==
          "NOERROR aa rd ra | c1.mesh. 30 IN CNAME web.mesh. | mesh. 30 IN SOA mesh. "
          "nobody.invalid. 1 3600 1200 604800 30");
}

TEST_CASE("ANY of an alias is minimal too") {
    CHECK(in_words(*table_of(chain(1)), {"c1.mesh", 255}) ==
          "NOERROR aa rd ra | c1.mesh. 3600 IN HINFO \"RFC8482\" \"\"");
}

TEST_CASE("an alias in a foreign domain has no SOA of its own beside it") {
    const auto table = table_of(chain(1) + record("api.example.com", "CNAME", "web.mesh."));
    CHECK(in_words(*table, {"api.example.com"}) ==
          "NOERROR aa rd ra | api.example.com. 30 IN CNAME web.mesh.; web.mesh. 30 IN A 240.0.0.8");
    CHECK(in_words(*table, {"api.example.com", 6}) ==
          "NOERROR aa rd ra | api.example.com. 30 IN CNAME web.mesh. | mesh. 30 IN SOA mesh. "
          "nobody.invalid. 1 3600 1200 604800 30");
}

TEST_CASE("a chain that does not fit becomes an empty answer with TC") {
    CHECK(in_words(*table_of(chain(8)), {"c1.mesh"}, 100) == "NOERROR aa tc rd ra");
}

TEST_CASE("an alias stands alone") {
    struct Row {
        const char* what;
        std::string toml, error;
    };
    for (const Row& row :
         {Row{"beside a record",
              record("a.mesh", "CNAME", "b.mesh.") + record("a.mesh", "A", "10.0.0.1"),
              "test.toml:1:1: 'a.mesh' has a CNAME and other data: see test.toml:5:1"},
          Row{"beside the name with dots of a service",
              "[[service]]\nname = \"a_b\"\n" + record("a.b.mesh", "CNAME", "c.mesh."),
              "test.toml:3:1: 'a.b.mesh' has a CNAME and other data: see test.toml:1:1"},
          Row{"at a domain of ours", record("mesh", "CNAME", "c.mesh."),
              "test.toml:1:1: 'mesh' is a domain of 'mesh.domains', which cannot be a CNAME"}}) {
        CAPTURE(row.what);
        CHECK_THROWS_WITH_AS(table_of(row.toml), row.error.c_str(), conf::Error);
    }
    CHECK_NOTHROW(
        table_of(record("a.mesh", "CNAME", "b.mesh.") + record("a.mesh", "CNAME", "B.mesh")));
}
