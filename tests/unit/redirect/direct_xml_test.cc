#include "src/meshgate-redirect/direct_xml.h"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <stdexcept>
#include <string>

using namespace meshgate;
using namespace meshgate::redirect;

namespace {

const std::string theirs =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    "<!-- keep   this -->\n"
    "<direct>\n"
    "  <chain ipv=\"ipv4\" table=\"nat\" chain=\"MESHGATE_LIKE\"/>\n"
    "  <!-- and <this> too -->\n"
    "  <rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-p tcp --dport 9 -j DROP"
    "</rule>\n\n"
    "  <passthrough ipv=\"eb\">-t nat -j MESHGATE_OUTPUTS</passthrough>\n"
    "</direct>\n";

DirectRules rules() {
    DirectRules direct;
    direct.ipv4 = {
        {"nat",
         {"MESHGATE_OUTPUT"},
         {"-A MESHGATE_OUTPUT -m comment --comment \"a <b> & 'c'\" -j RETURN",
          "-A MESHGATE_OUTPUT -p tcp -j REDIRECT --to-ports 15001"},
         {{"OUTPUT", "-j MESHGATE_OUTPUT", true}, {"PREROUTING", "-j MESHGATE_INBOUND", false}}}};
    direct.ipv6 = {{"raw", {"MESHGATE_RAW_OUTPUT"}, {}, {}}};
    return direct;
}

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("what others wrote is the same byte for byte after ours came and went") {
    const auto with_ours = with_direct_rules(theirs, rules());
    CHECK(with_ours.find("<!-- keep   this -->\n<direct>\n") != std::string::npos);
    CHECK(without_direct_rules(with_ours) == theirs);
    CHECK(with_direct_rules(with_ours, rules()) == with_ours);
    CHECK(with_direct_rules(with_ours, {}) == theirs);
}

TEST_CASE("each rule of a chain has a priority of its own, of both families") {
    const auto xml = with_direct_rules("", rules());
    CHECK(xml.find("<rule ipv=\"ipv4\" table=\"nat\" chain=\"MESHGATE_OUTPUT\" priority=\"0\">-m "
                   "comment --comment \"a &lt;b&gt; &amp; 'c'\" -j RETURN</rule>") != xml.npos);
    CHECK(xml.find("chain=\"MESHGATE_OUTPUT\" priority=\"1\">-p tcp -j REDIRECT") != xml.npos);
    CHECK(xml.find("chain=\"OUTPUT\" priority=\"0\">-j MESHGATE_OUTPUT<") != xml.npos);
    CHECK(xml.find("chain=\"PREROUTING\" priority=\"1000\">-j MESHGATE_INBOUND<") != xml.npos);
    CHECK(count(xml, "<chain ipv=\"ipv6\" table=\"raw\" chain=\"MESHGATE_RAW_OUTPUT\"") == 1);
    CHECK(count(xml, "<rule ") == 4);
    CHECK(without_direct_rules(xml) ==
          "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<direct>\n</direct>\n");
}

TEST_CASE("those of another mesh go, and ours stay") {
    const auto ours = with_direct_rules(theirs, rules());
    const std::string kuma =
        "\n  <chain ipv=\"ipv4\" table=\"nat\" chain=\"KUMA_MESH_INBOUND\"></chain>"
        "\n  <rule ipv=\"ipv4\" table=\"nat\" chain=\"PREROUTING\" priority=\"3\">-p tcp -j "
        "KUMA_MESH_INBOUND</rule>";
    auto both = ours;
    both.insert(both.find("\n</direct>"), kuma);
    constexpr std::array<std::string_view, 1> prefixes{"KUMA_MESH_"};
    CHECK(without_chains_of_others(both, prefixes) == ours);
}

TEST_CASE("what is no file of firewalld's is left alone") {
    CHECK_THROWS_AS(with_direct_rules("<direct>", rules()), std::runtime_error);
    CHECK_THROWS_AS(with_direct_rules("plain text", rules()), std::runtime_error);
    CHECK_THROWS_WITH(with_direct_rules("<zone/>", rules()), "it has no <direct>");
    CHECK_THROWS_AS(without_direct_rules("<direct><rule></direct>"), std::runtime_error);
}
