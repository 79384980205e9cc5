#include "ask.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <utility>

using namespace meshgate;
using test::in_words;
using test::table_of;

namespace {

const std::string soa_numbers = "nobody.invalid. 1 3600 1200 604800 30";

std::string service(const char* name, const char* address) {
    return std::string{"[[service]]\nname = \""} + name + "\"\naddress = \"" + address + "\"\n";
}

std::string txt(const std::string& name) {
    return "[[record]]\nname = \"" + name + "\"\ntype = \"TXT\"\nvalue = \"here\"\n";
}

std::string soa(const std::string& apex) {
    return " |  | " + apex + ". 30 IN SOA " + apex + ". " + soa_numbers;
}

}  // namespace

TEST_CASE("two services never share a name: as configured wins over the twin, then the first") {
    const auto table = table_of(service("a_b", "240.0.0.1") + service("a.b", "240.0.0.2") +
                                service("c_d.e", "240.0.0.3") + service("c.d_e", "240.0.0.4"));
    CHECK(in_words(*table, {"a_b.mesh"}).ends_with("A 240.0.0.1"));
    CHECK(in_words(*table, {"a.b.mesh"}) == "NOERROR aa rd ra | a.b.mesh. 30 IN A 240.0.0.2");
    CHECK(in_words(*table, {"c.d.e.mesh"}) == "NOERROR aa rd ra | c.d.e.mesh. 30 IN A 240.0.0.3");
    CHECK(in_words(*table, {"c.d_e.mesh"}).ends_with("A 240.0.0.4"));
}

TEST_CASE("a record adds to the name of a service") {
    const auto table = table_of(service("web", "240.0.0.1") + txt("web.mesh"));
    CHECK(in_words(*table, {"web.mesh"}).ends_with("A 240.0.0.1"));
    CHECK(in_words(*table, {"web.mesh", 16}).ends_with("TXT \"here\""));
    CHECK(in_words(*table, {"web.mesh.local", 16}) == "NOERROR aa rd ra" + soa("mesh.local"));
}

TEST_CASE("an underscored name has no twin when that would be no name") {
    const auto table = table_of(service("_a", "240.0.0.1") + service("b__c", "240.0.0.2"));
    CHECK(in_words(*table, {"_a.mesh"}).ends_with("A 240.0.0.1"));
    CHECK(in_words(*table, {"a.mesh"}).starts_with("NXDOMAIN"));
    CHECK(in_words(*table, {"b.c.mesh"}).starts_with("NXDOMAIN"));
}

TEST_CASE("a name above existing ones exists, so that no cache cuts them off (RFC 8020)") {
    const auto table = table_of("[mesh]\ndomains = [\"mesh\", \"deep.zone.mesh\"]\n" +
                                service("a_b_c", "240.0.0.1"));
    for (const char* name : {"c.mesh", "b.c.mesh", "zone.mesh"}) {
        CAPTURE(name);
        CHECK(in_words(*table, {name}) == "NOERROR aa rd ra" + soa("mesh"));
        CHECK(in_words(*table, {name, 255}) == "NOERROR aa rd ra" + soa("mesh"));
    }
    CHECK(in_words(*table, {"b.c.deep.zone.mesh"}) == "NOERROR aa rd ra" + soa("deep.zone.mesh"));
    CHECK(in_words(*table, {"x.deep.zone.mesh"}) == "NXDOMAIN aa rd ra" + soa("deep.zone.mesh"));
    CHECK(in_words(*table, {"x.zone.mesh"}) == "NXDOMAIN aa rd ra" + soa("mesh"));
}

TEST_CASE("a domain of ours answers for itself, even without a name in it") {
    const auto table = table_of("[mesh]\ndomains = [\"empty.example\"]\n");
    CHECK(in_words(*table, {"empty.example"}) == "NOERROR aa rd ra" + soa("empty.example"));
    CHECK(in_words(*table, {"empty.example", 2}) ==
          "NOERROR aa rd ra | empty.example. 30 IN NS empty.example.");
    CHECK(in_words(*table, {"empty.example", 48}) == "NOERROR aa rd ra" + soa("empty.example"));
    CHECK(in_words(*table, {"x.empty.example"}) == "NXDOMAIN aa rd ra" + soa("empty.example"));
    CHECK(in_words(*table, {"example"}) == "forward");
    CHECK(in_words(*table, {"mesh"}) == "forward");
    CHECK(table->names() == 0);
}

TEST_CASE("a configured NS takes the place of ours") {
    const auto table =
        table_of("[[record]]\nname = \"mesh\"\ntype = \"NS\"\nvalue = \"ns.example.com.\"\n");
    CHECK(in_words(*table, {"mesh", 2}) == "NOERROR aa rd ra | mesh. 30 IN NS ns.example.com.");
}

TEST_CASE("a wildcard answers below the closest name that exists, and for nothing else") {
    const auto table = table_of(txt("*.w.mesh") + txt("b.w.mesh") + txt("*.shop.example"));
    CHECK(in_words(*table, {"a.w.mesh", 16}) == "NOERROR aa rd ra | a.w.mesh. 30 IN TXT \"here\"");
    CHECK(in_words(*table, {"a.a.w.mesh", 16}).ends_with("a.a.w.mesh. 30 IN TXT \"here\""));
    CHECK(in_words(*table, {"*.w.mesh", 16}).ends_with("*.w.mesh. 30 IN TXT \"here\""));
    CHECK(in_words(*table, {"a.w.mesh"}) == "NOERROR aa rd ra" + soa("mesh"));
    CHECK(in_words(*table, {"x.b.w.mesh", 16}) == "NXDOMAIN aa rd ra" + soa("mesh"));
    CHECK(in_words(*table, {"w.mesh", 16}) == "NOERROR aa rd ra" + soa("mesh"));
    CHECK(in_words(*table, {"a.shop.example", 16}).ends_with("a.shop.example. 30 IN TXT \"here\""));
    CHECK(in_words(*table, {"shop.example", 16}) == "forward");
}

TEST_CASE("a TTL of 0 stays 0, and a long one makes no long denial") {
    CHECK(in_words(*table_of("[mesh]\nttl = \"0s\"\n" + service("a", "240.0.0.1")), {"a.mesh"}) ==
          "NOERROR aa rd ra | a.mesh. 0 IN A 240.0.0.1");
    const auto slow = table_of("[mesh]\nttl = \"1h\"\n" + service("a", "240.0.0.1"));
    CHECK(in_words(*slow, {"a.mesh"}) == "NOERROR aa rd ra | a.mesh. 3600 IN A 240.0.0.1");
    CHECK(in_words(*slow, {"b.mesh"}) == "NXDOMAIN aa rd ra" + soa("mesh"));
}

TEST_CASE("the records of a set keep their order and have one TTL (RFC 2181 section 5.2)") {
    const auto table = table_of(
        "[[record]]\nname = \"m.mesh\"\ntype = \"A\"\nvalue = \"10.0.0.2\"\nttl = \"60s\"\n"
        "[[record]]\nname = \"m.mesh\"\ntype = \"A\"\nvalue = \"10.0.0.1\"\nttl = \"5s\"\n"
        "[[record]]\nname = \"m.mesh\"\ntype = \"A\"\nvalue = \"10.0.0.3\"\nttl = \"7s\"\n"
        "[[record]]\nname = \"m.mesh\"\ntype = \"A\"\nvalue = \"10.0.0.2\"\nttl = \"60s\"\n");
    CHECK(in_words(*table, {"m.mesh"}) ==
          "NOERROR aa rd ra | m.mesh. 5 IN A 10.0.0.2; m.mesh. 5 IN A 10.0.0.1; m.mesh. 5 IN "
          "A 10.0.0.3");
}

TEST_CASE("of several addresses each is the first in turn; other records keep their order") {
    std::string toml;
    for (const char* number : {"1", "2", "3", "4"}) {
        for (const auto& [type, value] : {std::pair<std::string, std::string>{"A", "10.0.0."},
                                          {"AAAA", "2001:db8::"},
                                          {"TXT", "t"}}) {
            toml += "[[record]]\nname = \"m.mesh\"\ntype = \"" + type + "\"\nvalue = \"" + value +
                    number + "\"\n";
        }
    }
    const auto table = table_of(toml);
    const auto made = [&table](std::uint16_t type, std::uint16_t id) {
        test::Query query{"m.mesh", type};
        query.id = id;
        const std::string words = in_words(*table, query);
        std::string order;  // the last character of each record
        for (std::size_t end = words.find(';');; end = words.find(';', end + 1)) {
            const std::string record = words.substr(0, end);
            order += record[record.find_last_not_of('"')];
            if (end == std::string::npos) return order;
        }
    };
    for (const std::uint16_t type : {std::uint16_t{1}, std::uint16_t{28}}) {
        CHECK(made(type, 0) == "1234");
        CHECK(made(type, 1) == "2341");
        CHECK(made(type, 65535) == "4123");
    }
    CHECK(made(16, 1) == "1234");
}

TEST_CASE("the longest of names is denied within 512 bytes") {
    const std::string label(63, 'a');
    const std::string name =
        label + '.' + label + '.' + label + '.' + std::string(56, 'a') + ".mesh";
    const auto table = table_of(txt(name));
    for (const std::string& asked : {name, 'b' + name.substr(1)}) {
        CHECK(in_words(*table, {asked, 1, 1, 512}, 512).ends_with(soa_numbers));
    }
    const auto foreign = table_of(txt(label + '.' + label + '.' + label + ".example"));
    CHECK(in_words(*foreign, {label + '.' + label + '.' + label + ".example", 1, 1, 512}, 512)
              .ends_with(soa_numbers));
}

TEST_CASE("every type of a name is answered here") {
    const auto table = table_of(service("web", "240.0.0.1"));
    for (unsigned type = 0; type <= 0xffff; ++type) {
        if (test::ask(*table, {"web.mesh", static_cast<std::uint16_t>(type)}).empty()) {
            FAIL("type " << type << " would have been asked upstream");
        }
    }
}

TEST_CASE("every class but IN is refused for our names, and none of our business for others") {
    const auto table = table_of(service("web", "240.0.0.1"));
    for (const std::uint16_t qclass : {0, 2, 3, 4, 254, 255, 65535}) {
        CAPTURE(qclass);
        CHECK(in_words(*table, {"web.mesh", 1, qclass}) == "REFUSED rd ra");
        CHECK(in_words(*table, {"version.bind", 16, qclass}) == "forward");
    }
}

TEST_CASE("of wildcards the most specific answers, in a domain of ours and elsewhere") {
    const auto table = test::table_of(
        "[[record]]\nname = \"*.wild.mesh\"\ntype = \"A\"\nvalue = \"10.0.0.1\"\n"
        "[[record]]\nname = \"*.b.wild.mesh\"\ntype = \"A\"\nvalue = \"10.0.0.2\"\n"
        "[[record]]\nname = \"*.example.org\"\ntype = \"A\"\nvalue = \"10.0.0.3\"\n"
        "[[record]]\nname = \"*.b.example.org\"\ntype = \"A\"\nvalue = \"10.0.0.4\"\n");
    const auto address = [&table](const std::string& name) {
        const std::string words = test::in_words(*table, {name});
        return words.substr(words.rfind(' ') + 1);
    };
    CHECK(address("x.wild.mesh") == "10.0.0.1");
    CHECK(address("x.y.wild.mesh") == "10.0.0.1");
    CHECK(address("x.b.wild.mesh") == "10.0.0.2");
    CHECK(address("x.y.b.wild.mesh") == "10.0.0.2");
    CHECK(address("x.y.example.org") == "10.0.0.3");
    CHECK(address("x.y.b.example.org") == "10.0.0.4");
    CHECK(address("example.org") == "forward");
}
