#include "netfilter/ruleset/elements.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate::netfilter;

namespace {

std::string merged_networks(std::initializer_list<const char*> texts) {
    std::vector<Cidr> networks;
    for (const char* text : texts) networks.push_back(Cidr::parse(text).value());
    std::string result;
    for (const Cidr& network : merged(std::move(networks))) result += network.to_string() + " ";
    return result;
}

}  // namespace

TEST_CASE("ranges are sorted, and those that overlap or touch become one") {
    struct Row {
        std::vector<PortRange> given;
        PortElements merged;
    };
    const Row rows[] = {{{}, {}},
                        {{{80, 80}, {22, 22}, {80, 80}}, {{22, 22}, {80, 80}}},
                        {{{8000, 8100}, {8050, 8060}}, {{8000, 8100}}},
                        {{{1, 10}, {5, 20}, {21, 30}, {32, 32}}, {{1, 30}, {32, 32}}},
                        {{{65535, 65535}, {1, 65534}}, {{1, 65535}}}};
    for (const Row& row : rows) CHECK(merged(row.given) == row.merged);
}

TEST_CASE("the range after the highest uid is not uid 0") {
    CHECK(merged(std::vector<UidRange>{{4294967295, 4294967295}, {0, 0}}) ==
          UidElements{{0, 0}, {4294967295, 4294967295}});
    CHECK(merged(std::vector<UidRange>{{2000000000, 4294967294}, {61184, 65519}, {65520, 65520}}) ==
          UidElements{{61184, 65520}, {2000000000, 4294967294}});
}

TEST_CASE("networks within others go, and two halves become the whole") {
    CHECK(merged_networks({"10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/16"}) == "10.0.0.0/8 ");
    CHECK(merged_networks({"10.128.0.0/9", "10.0.0.0/9"}) == "10.0.0.0/8 ");
    CHECK(merged_networks({"10.0.0.3/32", "10.0.0.2/32", "10.0.0.1/32", "10.0.0.0/32"}) ==
          "10.0.0.0/30 ");
    CHECK(merged_networks({"10.0.0.1/32", "10.0.0.2/32"}) == "10.0.0.1/32 10.0.0.2/32 ");
    CHECK(merged_networks({"0.0.0.0/1", "128.0.0.0/1", "192.0.2.1"}) == "0.0.0.0/0 ");
    CHECK(merged_networks({"fd00:1::/32", "fd00::/32", "::/1"}) == "::/1 fd00::/31 ");
    CHECK(merged_networks({"2001:db8::/32", "2001:db8::/32"}) == "2001:db8::/32 ");
    CHECK(merged_networks({"0.0.0.0/0", "::/0"}) == "0.0.0.0/0 ::/0 ");
}
