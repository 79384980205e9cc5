// Tables with names that came later, against tables that are built of all of them.
#include "ask.h"

#include "dns/records/records.h"
#include "dns/wire/text_name.h"
#include "dns/zone/build.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace meshgate;
using dns::zone::HostList;
using dns::zone::Position;
using dns::zone::Source;
using test::in_words;

namespace {

struct Line {
    std::string name;
    std::vector<std::string> addresses;
    bool canonical = true;
};

Source source_of(const std::vector<Line>& lines) {
    HostList list;
    for (const Line& line : lines) {
        std::vector<conf::IpAddress> addresses;
        for (const auto& text : line.addresses) {
            addresses.push_back(*conf::IpAddress::parse(text));
        }
        list.add(dns::wire::to_wire(line.name), addresses, line.canonical);
    }
    return {"hosts", 7, true, true, std::make_shared<const HostList>(std::move(list)), true};
}

dns::zone::Contents contents() {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    contents.forwarded = {"out.mesh"};
    contents.reverse_ranges = {conf::Cidr::parse("240.0.0.0/8").value()};
    contents.services = {{"own", conf::IpAddress::parse("240.0.0.9"), {}, {}}};
    contents.records = {dns::records::to_wire({"*.wild.mesh", "A", "192.0.2.1", {}, {}}, 30),
                        dns::records::to_wire({"alias.mesh", "CNAME", "a.mesh.", {}, {}}, 30)};
    return contents;
}

const std::vector<std::string> labels{"a", "b", "c", "wild", "out", "*"};

/// A random name of two to four labels in the domain, or in a foreign one.
std::string random_name(std::mt19937& random) {
    std::string name = random() % 4 == 0 ? "example" : "mesh";
    for (std::size_t depth = 1 + random() % 3; depth > 0; --depth) {
        name.insert(0, labels[random() % (depth == 1 ? labels.size() : labels.size() - 1)] + ".");
    }
    return name;
}

std::string random_address(std::mt19937& random) {
    const std::string host = std::to_string(random() % 12);
    switch (random() % 4) {
    case 0:
        return "2001:db8::" + host;
    case 1:
        return "::ffff:240.0.0." + host;
    default:
        return "240.0.0." + host;
    }
}

std::vector<Line> random_lines(std::mt19937& random) {
    std::vector<Line> lines;
    for (std::size_t count = 1 + random() % 4; count > 0; --count) {
        Line& line = lines.emplace_back();
        line.name = random_name(random);
        for (std::size_t n = random() % 3; n > 0; --n) {
            line.addresses.push_back(random_address(random));
        }
        line.canonical = random() % 3 != 0;
    }
    return lines;
}

std::vector<test::Query> questions(std::mt19937& random) {
    std::vector<test::Query> asked;
    for (int i = 0; i < 60; ++i) {
        const std::uint16_t type = std::vector<std::uint16_t>{1, 28, 16, 255, 5}[random() % 5];
        asked.push_back({random_name(random), type});
        asked.push_back({"x." + random_name(random), type});
    }
    for (int host = 0; host < 12; ++host) {
        asked.push_back({std::to_string(host) + ".0.0.240.in-addr.arpa", 12});
    }
    asked.push_back({"0.240.in-addr.arpa", 12});
    asked.push_back({"alias.mesh", 1});
    return asked;
}

}  // namespace

TEST_CASE("names that came later are answered as if they had been there") {
    const auto before = dns::zone::build(contents(), {{source_of({{"b.a.mesh", {"240.0.0.1"}}})}});
    const auto after = dns::zone::with_more(
        before, source_of({{"a.c.mesh", {"240.0.0.2", "2001:db8::2"}}}), Position::anywhere);
    REQUIRE(after);
    CHECK(after->names() == before->names() + 1);
    CHECK(in_words(*after, {"a.c.mesh"}).ends_with("a.c.mesh. 7 IN A 240.0.0.2"));
    CHECK(in_words(*after, {"c.mesh"}).starts_with("NOERROR"));
    CHECK(in_words(*after, {"b.a.mesh"}).ends_with("b.a.mesh. 7 IN A 240.0.0.1"));
    CHECK(in_words(*after, {"2.0.0.240.in-addr.arpa", 12}).ends_with("PTR a.c.mesh."));
    CHECK(in_words(*before, {"a.c.mesh"}).starts_with("NXDOMAIN"));
}

TEST_CASE("what only a table that is built anew can say is not said") {
    const auto table = dns::zone::build(contents(), {{source_of({{"b.a.mesh", {"240.0.0.1"}}})}});
    const auto more = [&table](const Line& line, Position position) {
        return dns::zone::with_more(table, source_of({line}), position);
    };
    CHECK_FALSE(more({"b.a.mesh", {"240.0.0.2"}}, Position::last));    // it has an address
    CHECK_FALSE(more({"a.mesh", {"240.0.0.2"}}, Position::last));      // others lie below it
    CHECK_FALSE(more({"own.mesh", {"240.0.0.2"}}, Position::last));    // it is the configuration's
    CHECK_FALSE(more({"c.mesh", {"240.0.0.1"}}, Position::anywhere));  // whose name is it?
    const auto last = more({"c.mesh", {"240.0.0.1"}}, Position::last);
    REQUIRE(last);
    CHECK(in_words(*last, {"1.0.0.240.in-addr.arpa", 12}).ends_with("PTR b.a.mesh."));
}

TEST_CASE("more than the bound is not added") {
    auto table = dns::zone::build(contents());
    std::size_t added = 0;
    for (int round = 0; table; ++round) {
        std::vector<Line> lines;
        for (int i = 0; i < 1000; ++i) {
            lines.push_back(
                {"n" + std::to_string(round) + "-" + std::to_string(i) + ".mesh", {"10.0.0.1"}});
        }
        table = dns::zone::with_more(table, source_of(lines), Position::last);
        if (table) added += lines.size();
    }
    CHECK(added == dns::zone::added_names_max / 1000 * 1000);
}

TEST_CASE("random additions answer byte for byte as the table that is built of all") {
    const unsigned rounds = std::getenv("MESHGATE_FULL") != nullptr ? 20000 : 400;
    std::mt19937 random{20261124};
    unsigned added = 0, refused = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        std::vector<Line> all = random_lines(random);
        auto table = dns::zone::build(contents(), {{source_of(all)}});
        for (int step = 0; step < 4; ++step) {
            const auto lines = random_lines(random);
            const auto more = dns::zone::with_more(table, source_of(lines), Position::last);
            if (!more) {
                ++refused;
                continue;
            }
            ++added;
            all.insert(all.end(), lines.begin(), lines.end());
            table = more;
        }
        const auto whole = dns::zone::build(contents(), {{source_of(all)}});
        REQUIRE(table->names() == whole->names());
        for (const test::Query& query : questions(random)) {
            CAPTURE(query.name);
            CAPTURE(query.type);
            REQUIRE(test::ask(*table, query) == test::ask(*whole, query));
        }
    }
    CHECK(added > rounds / 2);
    CHECK(refused > rounds / 10);
}
