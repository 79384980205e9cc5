#include "rulesets.h"

#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/read_rule.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <ostream>
#include <string>

using namespace meshgate::netfilter;
using meshgate::netfilter::test::network;

namespace {

/// The expressions as `nft --debug=netlink` prints them, one a line.
std::string bytecode(const Rule& rule) {
    std::uint32_t next_set_id = 1;
    const auto built = build_rule("t", "c", rule, next_set_id);
    char buffer[4096];
    nftnl_rule_snprintf(buffer, sizeof buffer, built.rule.get(), 0, 0);
    const std::string printed{buffer};
    std::string lines;
    for (std::size_t at = 0; (at = printed.find("[ ", at)) != std::string::npos;) {
        const auto end = printed.find(" ]", at);
        lines += printed.substr(at + 2, end - at - 2) + "\n";
        at = end;
    }
    return lines;
}

Rule rule(std::vector<Match> matches, Verdict verdict = Return{}) {
    return {.matches = std::move(matches),
            .counter = uncounted,
            .verdict = std::move(verdict),
            .comment = {}};
}

}  // namespace

TEST_CASE("the kernel expressions of each match and statement are those of nft 1.0.6") {
    const MatchL4Proto tcp{{Protocol::tcp}};
    const auto daddr = MatchAddress::Field::daddr;
    const auto saddr = MatchAddress::Field::saddr;
    const std::string ret = "immediate reg 0 return\n";
    struct Row {
        std::string name;
        Rule rule;
        std::string expected;
    };
    const std::vector<Row> rows{
        {"meta nfproto ipv6", rule({MatchFamily{Family::ipv6}}),
         "meta load nfproto => reg 1\ncmp eq reg 1 0x0000000a\n" + ret},
        {"meta l4proto { tcp, udp } th dport 53 redirect to :15053",
         rule({MatchL4Proto{{Protocol::tcp, Protocol::udp}}, MatchDport{PortRange{53, 53}}},
              RedirectTo{15053}),
         "meta load l4proto => reg 1\nlookup reg 1 set __set%d\n"
         "payload load 2b @ transport header + 2 => reg 1\ncmp eq reg 1 0x00003500\n"
         "immediate reg 1 0x0000cd3a\nredir proto_min reg 1 flags 0x2\n"},
        {"tcp dport 22-30", rule({tcp, MatchDport{PortRange{22, 30}}}),
         "meta load l4proto => reg 1\ncmp eq reg 1 0x00000006\n"
         "payload load 2b @ transport header + 2 => reg 1\n"
         "cmp gte reg 1 0x00001600\ncmp lte reg 1 0x00001e00\n" +
             ret},
        {"tcp dport @p", rule({tcp, MatchDport{SetRef{"p"}}}),
         "meta load l4proto => reg 1\ncmp eq reg 1 0x00000006\n"
         "payload load 2b @ transport header + 2 => reg 1\nlookup reg 1 set p\n" +
             ret},
        {"ip daddr 10.0.0.0/8",
         rule({MatchAddress{daddr, Sense::equal, Family::ipv4, network("10.0.0.0/8")}}),
         "meta load nfproto => reg 1\ncmp eq reg 1 0x00000002\n"
         "payload load 1b @ network header + 16 => reg 1\ncmp eq reg 1 0x0000000a\n" +
             ret},
        {"ip daddr != 10.0.0.0/12",
         rule({MatchAddress{daddr, Sense::not_equal, Family::ipv4, network("10.0.0.0/12")}}),
         "meta load nfproto => reg 1\ncmp eq reg 1 0x00000002\n"
         "payload load 4b @ network header + 16 => reg 1\n"
         "bitwise reg 1 = ( reg 1 & 0x0000f0ff ) ^ 0x00000000\ncmp neq reg 1 0x0000000a\n" +
             ret},
        {"ip6 saddr != @a6",
         rule({MatchAddress{saddr, Sense::not_equal, Family::ipv6, SetRef{"a6"}}}),
         "meta load nfproto => reg 1\ncmp eq reg 1 0x0000000a\n"
         "payload load 16b @ network header + 8 => reg 1\nlookup reg 1 set a6 0x1\n" +
             ret},
        {"meta skuid 5678", rule({MatchSkuid{5678U}}),
         "meta load skuid => reg 1\ncmp eq reg 1 0x0000162e\n" + ret},
        {"meta skuid @u", rule({MatchSkuid{SetRef{"u"}}}),
         "meta load skuid => reg 1\nbyteorder reg 1 = hton(reg 1, 4, 4)\nlookup reg 1 set u\n" +
             ret},
        {"meta skgid @g", rule({MatchSkgid{SetRef{"g"}}}),
         "meta load skgid => reg 1\nbyteorder reg 1 = hton(reg 1, 4, 4)\nlookup reg 1 set g\n" +
             ret},
        {"meta mark 0x539", rule({MatchMark{.marks = 0x539U}}),
         "meta load mark => reg 1\ncmp eq reg 1 0x00000539\n" + ret},
        {"meta mark & 0xfff @m", rule({MatchMark{0xfff, SetRef{"m"}}}),
         "meta load mark => reg 1\nbitwise reg 1 = ( reg 1 & 0x00000fff ) ^ 0x00000000\n"
         "lookup reg 1 set m\n" +
             ret},
        {"counter name \"captured_dns\" return",
         {{}, "captured_dns", Return{}, {}},
         "objref type 1 name captured_dns\n" + ret},
        {"oiftype != loopback", rule({MatchLoopback{Device::out, Sense::not_equal}}),
         "meta load oiftype => reg 1\ncmp neq reg 1 0x00000304\n" + ret},
        {"iifname \"lo\"", rule({MatchInterface{Device::in, "lo"}}),
         "meta load iifname => reg 1\n"
         "cmp eq reg 1 0x00006f6c 0x00000000 0x00000000 0x00000000\n" +
             ret},
        {"oifname \"br-*\"", rule({MatchInterface{Device::out, "br-*"}}),
         "meta load oifname => reg 1\ncmp eq reg 1 0x002d7262\n" + ret},
        {"fib daddr type local", rule({MatchLocalDestination{}}),
         "fib daddr type => reg 1\ncmp eq reg 1 0x00000002\n" + ret},
        {"ct state invalid counter drop",
         {{MatchInvalid{}}, own_counter, Drop{}, {}},
         "ct load state => reg 1\nbitwise reg 1 = ( reg 1 & 0x00000001 ) ^ 0x00000000\n"
         "cmp neq reg 1 0x00000000\ncounter pkts 0 bytes 0\nimmediate reg 0 drop\n"},
        {"ct original zone set 15053", rule({}, OriginalZone{15053}),
         "immediate reg 1 0x00003acd\nct set zone with reg 1 , dir original\n"},
        {"jump sub", rule({}, Jump{"sub"}), "immediate reg 0 jump -> sub\n"},
        {"counter log prefix \"a: \" level debug return",
         {{}, own_counter, Return{}, {}, "a: "},
         "counter pkts 0 bytes 0\nlog prefix a:  level 7\n" + ret},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(bytecode(row.rule) == row.expected);
    }
}

TEST_CASE("a built rule reads back equal without a kernel") {
    const ProtocolSets sets{{"__set%d", {Protocol::tcp, Protocol::udp}}};
    for (const auto& [name, ruleset] : meshgate::netfilter::test::every_kind()) {
        for (const auto& chain : ruleset.chains) {
            for (std::size_t i = 0; i < chain.rules.size(); ++i) {
                CAPTURE(name);
                CAPTURE(i);
                std::uint32_t next_set_id = 1;
                const auto built = build_rule("t", "c", chain.rules[i], next_set_id);
                const auto read = read_rule(*built.rule, sets);
                REQUIRE(read.has_value());
                CHECK(*read == chain.rules[i]);
            }
        }
    }
}
