#include "rulesets.h"

#include "netfilter/nftnl/intervals.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <ostream>
#include <random>
#include <string>

using namespace meshgate::netfilter;
using meshgate::netfilter::test::network;

namespace {

Set set_of(decltype(Set::elements) elements) {
    return {.name = "set", .comment = {}, .elements = std::move(elements)};
}

/// "16 17] 80 91]": two bytes a key in decimal, "]" for an end, "+" for a range without one.
std::string to_text(const std::vector<IntervalElement>& elements) {
    std::string text;
    for (const auto& element : elements) {
        if (!text.empty()) text += ' ';
        text += std::to_string(element.key[0] * 256 + element.key[1]);
        if (element.end) text += ']';
        if (element.open) text += '+';
    }
    return text;
}

}  // namespace

TEST_CASE("ranges as the kernel holds them") {
    struct Row {
        PortElements ports;
        std::string elements;
    };
    for (const auto& row : std::initializer_list<Row>{
             {{}, ""},
             {{{22, 22}}, "0] 22 23]"},
             {{{0, 0}, {80, 90}}, "0 1] 80 91]"},
             {{{65535, 65535}}, "0] 65535+"},
             {{{0, 65535}}, "0+"},
             {{{1, 2}, {3, 4}}, "0] 1 3] 3 5]"},
         }) {
        CAPTURE(row.elements);
        CHECK(to_text(to_intervals(set_of(row.ports))) == row.elements);
    }
}

TEST_CASE("uids are sorted by value, not by their bytes in memory") {
    const auto elements = to_intervals(set_of(UidElements{{256, 256}}));
    REQUIRE(elements.size() == 3);
    CHECK(elements[1].key[2] == 1);
    CHECK(elements[1].key[3] == 0);
}

TEST_CASE("every set comes back from its elements in any order") {
    std::mt19937 random{1};
    for (const auto& [name, ruleset] : meshgate::netfilter::test::every_kind()) {
        for (const auto& set : ruleset.sets) {
            CAPTURE(set.name);
            auto elements = to_intervals(set);
            std::ranges::shuffle(elements, random);
            auto read = set;
            std::visit(
                [](auto& kind) {
                    if constexpr (requires { kind.networks; })
                        kind.networks.clear();
                    else
                        kind.clear();
                },
                read.elements);
            CHECK(from_intervals(elements, read).empty());
            CHECK(read == set);
        }
    }
}

TEST_CASE("a range that is no network is told") {
    auto set = set_of(AddressElements{Family::ipv4, {}});
    const auto lines =
        from_intervals({{.key = {10, 0, 0, 1}}, {.key = {10, 0, 0, 7}, .end = true}}, set);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] == "element 10.0.0.1-10.0.0.6 in set set");
    CHECK(std::get<AddressElements>(set.elements).networks.empty());
}
