#include "dns/wire/suffix_set.h"

#include "dns/wire/text_name.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate::dns::wire;

namespace {

SuffixSet set_of(const std::vector<std::string>& suffixes) {
    std::vector<std::vector<std::uint8_t>> wire;
    for (const auto& text : suffixes) {
        wire.push_back(text == "." ? std::vector<std::uint8_t>{0} : to_wire(text));
    }
    return SuffixSet{wire};
}

/// The index of the suffix that is found; -1: none.
int found(const SuffixSet& set, const std::string& name) {
    const auto match = set.longest(to_wire(name));
    return match ? static_cast<int>(match->index) : -1;
}

}  // namespace

TEST_CASE("the longest suffix counts, and whole labels only") {
    const auto set = set_of({"corp.example", "dev.corp.example", "10.in-addr.arpa", "a"});
    struct Row {
        const char* name;
        int index;
    };
    const Row rows[] = {
        {"corp.example", 0},
        {"www.corp.example", 0},
        {"x.y.corp.example", 0},
        {"dev.corp.example", 1},
        {"db.dev.corp.example", 1},
        {"xdev.corp.example", 0},
        {"example", -1},
        {"xcorp.example", -1},
        {"corp.example.org", -1},
        {"1.0.0.10.in-addr.arpa", 2},
        {"in-addr.arpa", -1},
        {"a", 3},
        {"b.a", 3},
        {"aa", -1},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(found(set, row.name) == row.index);
    }
    CHECK(set.longest(to_wire("x.corp.example"))->bytes == to_wire("corp.example").size());
}

TEST_CASE("the root is everybody's suffix, and an empty set nobody's") {
    const auto set = set_of({".", "example"});
    CHECK(found(set, "mesh") == 0);
    CHECK(found(set, "www.example") == 1);
    CHECK(set.longest(std::vector<std::uint8_t>{0})->index == 0);
    CHECK(found(SuffixSet{}, "mesh") == -1);
    CHECK(SuffixSet{}.empty());
}

TEST_CASE("a label that holds the bytes of a suffix is not the suffix") {
    const auto set = set_of({"ab"});
    const std::vector<std::uint8_t> name{5, 'x', 'x', 2, 'a', 'b', 0};
    CHECK_FALSE(set.longest(name));
}
