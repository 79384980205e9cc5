#include "netfilter/iptables/text.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;

namespace {

Ruleset ruleset_of(std::vector<Rule> rules, BaseChain base = {ChainType::nat, Hook::output, -105}) {
    return {.table = "meshgate", .sets = {}, .chains = {{"output", base, std::move(rules)}}};
}

Rule rule(std::vector<Match> matches, Verdict verdict, std::string comment = "") {
    return {.matches = std::move(matches), .verdict = verdict, .comment = std::move(comment)};
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string ipv4(const Ruleset& ruleset) {
    return to_iptables(ruleset, Family::ipv4);
}

const MatchL4Proto tcp{{Protocol::tcp}};

MatchAddress not_in(std::string set) {
    return {MatchAddress::Field::daddr, Sense::not_equal, Family::ipv4, SetRef{std::move(set)}};
}

AddressElements networks(std::vector<std::string> texts) {
    AddressElements elements{Family::ipv4, {}};
    for (const auto& text : texts) elements.networks.push_back(*Cidr::parse(text));
    return elements;
}

}  // namespace

TEST_CASE("a rule has fifteen ports at most, and a range is two of them") {
    auto ruleset = ruleset_of({rule({tcp, MatchDport{SetRef{"ports"}}}, Return{})});
    PortElements ports;
    for (Port port = 1; port <= 27; port = static_cast<Port>(port + 2))
        ports.push_back({port, port});
    ports.push_back({100, 200});
    ruleset.sets = {{"ports", "", ports}};
    const auto text = ipv4(ruleset);
    CHECK(contains(text, "--dports 1,3,5,7,9,11,13,15,17,19,21,23,25,27 -j RETURN\n"));
    CHECK(contains(text, "--dports 100:200 -j RETURN\n"));
}

TEST_CASE("outside of several networks is a chain that returns from each") {
    auto ruleset = ruleset_of({rule({tcp, not_in("nets")}, RedirectTo{15001}, "why")});
    ruleset.sets = {{"nets", "", networks({"10.0.0.0/8", "192.0.2.1"})}};
    CHECK(contains(ipv4(ruleset), "-A MESHGATE_NAT_EXCEPT_1 -d 10.0.0.0/8 -j RETURN\n"
                                  "-A MESHGATE_NAT_EXCEPT_1 -d 192.0.2.1 -j RETURN\n"
                                  "-A MESHGATE_NAT_EXCEPT_1 -p tcp -m comment --comment \"why\" "
                                  "-j REDIRECT --to-ports 15001\n"
                                  "-A MESHGATE_OUTPUT -p tcp -m comment --comment \"why\" "
                                  "-j MESHGATE_NAT_EXCEPT_1\n"));
    ruleset.sets = {{"nets", "", networks({"10.0.0.0/8"})}};
    CHECK(contains(ipv4(ruleset), "-A MESHGATE_OUTPUT -p tcp ! -d 10.0.0.0/8 "));
}

TEST_CASE("a family that is left alone has no rules") {
    const auto ruleset =
        ruleset_of({rule({MatchFamily{Family::ipv6}}, Return{}), rule({tcp}, RedirectTo{15001})});
    CHECK(contains(ipv4(ruleset), "REDIRECT"));
    CHECK(to_iptables(ruleset, Family::ipv6).empty());
}

TEST_CASE("the place in the built-in chain follows from the priority") {
    const std::vector<Rule> rules{rule({tcp}, RedirectTo{15006})};
    for (const auto& [priority, jump] : std::vector<std::pair<int, std::string>>{
             {-105, "-I PREROUTING 1 "}, {-80, "-A PREROUTING "}}) {
        CAPTURE(priority);
        CHECK(
            contains(ipv4(ruleset_of(rules, {ChainType::nat, Hook::prerouting, priority})), jump));
    }
}

TEST_CASE("names of this machine are those of iptables") {
    const auto ruleset = ruleset_of({rule({MatchLoopback{Device::out, Sense::not_equal}}, Return{}),
                                     rule({MatchInterface{Device::in, "br-*"}}, Return{})});
    const auto text = to_iptables(ruleset, Family::ipv4, "loop0");
    CHECK(contains(text, "-A MESHGATE_OUTPUT ! -o loop0 -j RETURN\n"));
    CHECK(contains(text, "-A MESHGATE_OUTPUT -i br-+ -j RETURN\n"));
}

TEST_CASE("groups, marks, and the cause in front of the comment of the rule that decides") {
    auto ruleset = ruleset_of({rule({MatchSkgid{SetRef{"groups"}}}, Return{}),
                               rule({MatchMark{0xfff, SetRef{"marks"}}}, Return{}),
                               rule({MatchMark{.marks = Mark{0x100}}}, Return{}, "why"),
                               rule({tcp, not_in("nets")}, RedirectTo{15001}, "why")});
    ruleset.sets = {{"groups", "", GidElements{{7, 7}, {10, 19}}},
                    {"marks", "", MarkElements{0x539, 0x53a}},
                    {"nets", "", networks({"10.0.0.0/8", "192.0.2.1"})}};
    auto& rules = ruleset.chains.front().rules;
    rules[2].counter = "exempt_mark";
    rules[3].counter = "captured_outbound";
    rules[3].log_prefix = "mesh";
    CHECK(contains(ipv4(ruleset),
                   "-A MESHGATE_OUTPUT -m owner --gid-owner 7 -j RETURN\n"
                   "-A MESHGATE_OUTPUT -m owner --gid-owner 10-19 -j RETURN\n"
                   "-A MESHGATE_OUTPUT -m mark --mark 0x539/0xfff -j RETURN\n"
                   "-A MESHGATE_OUTPUT -m mark --mark 0x53a/0xfff -j RETURN\n"
                   "-A MESHGATE_OUTPUT -m mark --mark 0x100 -m comment --comment "
                   "\"exempt_mark: why\" -j RETURN\n"
                   "-A MESHGATE_NAT_EXCEPT_1 -d 10.0.0.0/8 -j RETURN\n"
                   "-A MESHGATE_NAT_EXCEPT_1 -d 192.0.2.1 -j RETURN\n"
                   "-A MESHGATE_NAT_EXCEPT_1 -p tcp -m comment --comment \"why\" -j LOG"));
    CHECK(contains(ipv4(ruleset), "--comment \"captured_outbound: why\" -j REDIRECT"));
    CHECK(contains(ipv4(ruleset),
                   "--comment \"why\" -j MESHGATE_NAT_EXCEPT_1\n"));  // it decides nothing
}

TEST_CASE("what is quoted stays one word") {
    CHECK(contains(ipv4(ruleset_of({rule({tcp}, Return{}, "a \"b\" \\ -j ACCEPT")})),
                   R"(--comment "a \"b\" \\ -j ACCEPT" -j RETURN)"));
}

TEST_CASE("what iptables has no words for is refused") {
    auto several = ruleset_of({rule({not_in("nets")}, Return{})});
    several.sets = {{"nets", "", networks({"10.0.0.0/8", "192.0.2.1"})}};
    auto logged = rule({tcp}, Return{});
    logged.log_prefix = std::string(30, 'x');
    auto many = ruleset_of(
        {rule({MatchSkuid{SetRef{"users"}}, MatchAddress{.networks = SetRef{"nets"}}}, Return{})});
    UidElements users;
    for (Uid uid = 0; uid < 120'000; uid += 2) users.push_back({uid, uid});
    many.sets = {{"users", "", users}, {"nets", "", networks({"10.0.0.0/8", "192.0.2.1"})}};
    auto named = ruleset_of({});
    named.chains.front().name = "a_chain_with_a_long_name";
    named.chains.front().rules = {rule({tcp}, Return{})};
    for (const auto& ruleset :
         {several, ruleset_of({logged}), many, named,
          ruleset_of({rule({tcp}, Drop{})}, {ChainType::filter, Hook::output, 0})}) {
        CHECK_THROWS_AS((void)ipv4(ruleset), Inexpressible);
    }
}
