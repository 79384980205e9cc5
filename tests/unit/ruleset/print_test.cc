#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate::netfilter;

namespace {

const MatchL4Proto tcp{{Protocol::tcp}};
const MatchL4Proto tcp_and_udp{{Protocol::tcp, Protocol::udp}};
const MatchDport dns{PortRange{53, 53}};

Cidr network(const char* text) {
    return Cidr::parse(text).value();
}

Rule rule(std::vector<Match> matches, Verdict verdict = Return{}) {
    return {std::move(matches), uncounted, std::move(verdict), "not part of it"};
}

Ruleset small() {
    return {"meshgate",
            {{"ports", "why", PortElements{{22, 22}, {80, 90}}},
             {"nets6", "", AddressElements{Family::ipv6, {network("fd00::/8"), network("::1")}}}},
            {{"inner", std::nullopt, {rule({tcp})}},
             {"output",
              BaseChain{ChainType::nat, Hook::output, -105},
              {rule({}, Jump{"inner"}), {{tcp}, own_counter, RedirectTo{15001}, ""}}}},
            {"captured_dns"}};
}

}  // namespace

TEST_CASE("every match and verdict in nft's words") {
    using Field = MatchAddress::Field;
    struct Row {
        Rule rule;
        std::string words;
    };
    const std::vector<Row> rows{
        {rule({}), "return"},
        {rule({MatchFamily{Family::ipv6}}), "meta nfproto ipv6 return"},
        {rule({tcp}), "meta l4proto tcp return"},
        {rule({tcp_and_udp}), "meta l4proto { tcp, udp } return"},
        {rule({tcp, dns}), "tcp dport 53 return"},
        {rule({tcp, MatchDport{PortRange{30, 40}}}), "tcp dport 30-40 return"},
        {rule({MatchL4Proto{{Protocol::udp}}, MatchDport{SetRef{"ports"}}}),
         "udp dport @ports return"},
        {rule({tcp_and_udp, dns}), "meta l4proto { tcp, udp } th dport 53 return"},
        {rule({tcp, MatchInvalid{}}, Drop{}), "meta l4proto tcp ct state invalid drop"},
        {rule({MatchAddress{Field::daddr, Sense::not_equal, Family::ipv4, network("127.0.0.1")}}),
         "ip daddr != 127.0.0.1 return"},
        {rule({MatchAddress{Field::saddr, Sense::equal, Family::ipv6, network("fd00::/8")}}),
         "ip6 saddr fd00::/8 return"},
        {rule({MatchAddress{Field::daddr, Sense::equal, Family::ipv4, SetRef{"nets"}}}),
         "ip daddr @nets return"},
        {rule({MatchSkuid{Uid{4294967294}}}), "meta skuid 4294967294 return"},
        {rule({MatchSkuid{SetRef{"users"}}}), "meta skuid @users return"},
        {rule({MatchSkgid{Gid{1337}}}), "meta skgid 1337 return"},
        {rule({MatchSkgid{SetRef{"groups"}}}), "meta skgid @groups return"},
        {rule({MatchMark{.marks = Mark{0x539}}}), "meta mark 0x00000539 return"},
        {rule({MatchMark{0xfff, Mark{0x539}}}), "meta mark & 0x00000fff == 0x00000539 return"},
        {rule({MatchMark{.marks = SetRef{"marks"}}}), "meta mark @marks return"},
        {rule({MatchMark{0xff00, SetRef{"marks"}}}), "meta mark & 0x0000ff00 @marks return"},
        {{{tcp}, "captured_inbound", Drop{}, ""},
         "meta l4proto tcp counter name \"captured_inbound\" drop"},
        {rule({MatchLoopback{Device::out, Sense::equal}}), "meta oiftype loopback return"},
        {rule({MatchLoopback{Device::in, Sense::not_equal}}), "meta iiftype != loopback return"},
        {rule({MatchInterface{Device::in, "br-*"}}), "iifname \"br-*\" return"},
        {rule({MatchInterface{Device::out, "eth0"}}), "oifname \"eth0\" return"},
        {rule({MatchLocalDestination{}}), "fib daddr type local return"},
        {rule({}, Jump{"zone"}), "jump zone"},
        {rule({tcp}, RedirectTo{15001}), "meta l4proto tcp redirect to :15001"},
        {rule({}, OriginalZone{15053}), "ct original zone set 15053"},
        {{{tcp}, own_counter, Drop{}, ""}, "meta l4proto tcp counter drop"},
    };
    for (const Row& row : rows) CHECK(to_nft(row.rule) == row.words);
}

TEST_CASE("the text replaces what was there") {
    CHECK(to_nft(small()) == R"(add table inet meshgate
delete table inet meshgate
table inet meshgate {
	counter captured_dns {
	}
	set ports {
		type inet_service
		flags interval
		comment "why"
		elements = { 22, 80-90 }
	}
	set nets6 {
		type ipv6_addr
		flags interval
		elements = { fd00::/8, ::1 }
	}
	chain inner {
		meta l4proto tcp return comment "not part of it"
	}
	chain output {
		type nat hook output priority -105; policy accept;
		jump inner comment "not part of it"
		meta l4proto tcp counter redirect to :15001
	}
}
)");
}

TEST_CASE("lines name the set or chain of every element and rule") {
    CHECK(to_lines(small()) ==
          std::vector<std::string>{
              "counter captured_dns",
              "set ports { type inet_service; flags interval; } comment \"why\"",
              "element ports { 22 }", "element ports { 80-90 }",
              "set nets6 { type ipv6_addr; flags interval; }", "element nets6 { fd00::/8 }",
              "element nets6 { ::1 }", "chain inner",
              "inner meta l4proto tcp return comment \"not part of it\"",
              "chain output { type nat hook output priority -105; policy accept; }",
              "output jump inner comment \"not part of it\"",
              "output meta l4proto tcp counter redirect to :15001"});
}

TEST_CASE("many elements are wrapped, and none is lost") {
    Ruleset ruleset{"meshgate", {{"ports", "", PortElements{}}}, {}};
    auto& ports = std::get<PortElements>(ruleset.sets[0].elements);
    for (Port port = 10001; port < 11000; port += 2) ports.push_back({port, port});
    std::size_t longest = 0;
    std::size_t commas = 0;
    std::size_t column = 0;
    for (const char c : to_nft(ruleset)) {
        column = c == '\n' ? 0 : column + 1;
        longest = std::max(longest, column);
        commas += c == ',';
    }
    CHECK(longest <= 110);
    CHECK(commas == ports.size() - 1);
}

TEST_CASE("any change of a ruleset changes its digest") {
    const auto original = digest(small());
    CHECK(original.size() == 64);
    CHECK(digest(small()) == original);
    std::vector<Ruleset> changed(11, small());
    changed[0].table = "other";
    std::get<PortElements>(changed[1].sets[0].elements).pop_back();
    changed[2].sets[0].comment = "because";
    changed[3].chains[1].base->priority = -100;
    changed[4].chains[1].rules[1].counter = uncounted;
    changed[5].chains[1].rules[1].verdict = RedirectTo{15002};
    std::swap(changed[6].chains[1].rules[0], changed[6].chains[1].rules[1]);
    changed[7].chains[1].rules[1].comment = "new";
    changed[8].sets[1].name = "nets7";
    changed[9].counters.clear();
    changed[10].chains[1].rules[1].counter = "captured_dns";
    for (const Ruleset& ruleset : changed) {
        CHECK(digest(ruleset) != original);
        if (ruleset.table == "meshgate") CHECK(to_lines(ruleset) != to_lines(small()));
    }
}
