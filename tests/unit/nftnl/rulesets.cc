#include "rulesets.h"

#include <utility>

namespace meshgate::netfilter::test {

namespace {

constexpr BaseChain nat_output{ChainType::nat, Hook::output, -105};
constexpr BaseChain nat_prerouting{ChainType::nat, Hook::prerouting, -80};
constexpr BaseChain raw_output{ChainType::filter, Hook::output, -300};
constexpr BaseChain mangle_prerouting{ChainType::filter, Hook::prerouting, -150};

const MatchL4Proto tcp{{Protocol::tcp}};
const MatchL4Proto udp{{Protocol::udp}};
const MatchL4Proto tcp_and_udp{{Protocol::tcp, Protocol::udp}};

Rule rule(std::vector<Match> matches, Verdict verdict = Return{}) {
    return {.matches = std::move(matches),
            .counter = uncounted,
            .verdict = std::move(verdict),
            .comment = {}};
}

MatchAddress address(MatchAddress::Field field, Sense sense, const std::string& text) {
    const auto parsed = network(text);
    return {field, sense, parsed.base.family(), parsed};
}

MatchAddress address(MatchAddress::Field field, Sense sense, Family family, SetRef set) {
    return {field, sense, family, std::move(set)};
}

constexpr auto saddr = MatchAddress::Field::saddr;
constexpr auto daddr = MatchAddress::Field::daddr;

Ruleset one_chain(BaseChain base, std::vector<Rule> rules, std::vector<Set> sets = {}) {
    return {.table = "meshgate",
            .sets = std::move(sets),
            .chains = {{.name = "only", .base = base, .rules = std::move(rules)}}};
}

std::vector<Set> sets_of_every_type() {
    return {
        {"ports", "inbound ports left alone",
         PortElements{{0, 0}, {22, 22}, {80, 90}, {65535, 65535}}},
        {"groups", "", GidElements{{0, 0}, {256, 256}, {1000, 1999}}},
        {"marks", "whole", MarkElements{0, 1, 256, 0x01020304, 4294967295}},
        {"no_marks", "", MarkElements{}},
        {"high_ports", "", PortElements{{1024, 65535}}},
        {"users", "exempt users",
         UidElements{{0, 0}, {256, 256}, {1000, 1999}, {4294967295, 4294967295}}},
        {"one_user", "", UidElements{{5678, 5678}}},
        {"networks4", "",
         AddressElements{Family::ipv4,
                         {network("10.0.0.0/9"), network("10.128.0.0/9"), network("127.0.0.1/32"),
                          network("240.0.0.0/4")}}},
        {"networks6", "",
         AddressElements{Family::ipv6,
                         {network("::1/128"), network("2001:db8::/33"), network("fd00::/8"),
                          network("ff00::/8")}}},
        {"all4", "", AddressElements{Family::ipv4, {network("0.0.0.0/0")}}},
        {"no_ports", "", PortElements{}},
        {"no_networks", std::string(128, 'c'), AddressElements{Family::ipv6, {}}},
    };
}

std::vector<Rule> lookups() {
    return {
        rule({tcp, MatchDport{SetRef{"ports"}}}),
        rule({tcp_and_udp, MatchDport{SetRef{"high_ports"}}}),
        rule({MatchSkuid{SetRef{"users"}}}),
        rule({MatchSkuid{SetRef{"one_user"}}, tcp, MatchDport{SetRef{"no_ports"}}}),
        rule({MatchSkgid{SetRef{"groups"}}}),
        rule({MatchMark{.marks = SetRef{"marks"}}}),
        rule({MatchMark{0xffff0000, SetRef{"marks"}}, tcp}),
        rule({MatchMark{0xff, SetRef{"no_marks"}}}),
        rule({address(daddr, Sense::equal, Family::ipv4, {"networks4"})}),
        rule({address(saddr, Sense::not_equal, Family::ipv4, {"networks4"})}),
        rule({address(daddr, Sense::equal, Family::ipv6, {"networks6"})}),
        rule({address(saddr, Sense::not_equal, Family::ipv6, {"networks6"})}),
        rule({address(daddr, Sense::equal, Family::ipv4, {"all4"}),
              address(saddr, Sense::equal, Family::ipv4, {"networks4"})}),
    };
}

Rule logged(Rule rule, const std::string& prefix) {
    rule.log_prefix = prefix;
    return rule;
}

std::vector<Rule> networks() {
    std::vector<Rule> rules;
    for (const auto* text :
         {"0.0.0.0/0", "10.0.0.0/8", "10.16.0.0/12", "192.168.0.0/16", "192.0.2.0/24",
          "192.0.2.128/25", "192.0.2.7/32", "::/0", "fc00::/7", "fd00::/8", "2001:db8::/33",
          "2001:db8::/64", "::ffff:0:0/96", "::/127", "::1/128"}) {
        for (const auto field : {saddr, daddr}) {
            for (const auto sense : {Sense::equal, Sense::not_equal}) {
                rules.push_back(rule({address(field, sense, text)}));
            }
        }
    }
    return rules;
}

Ruleset named_counters() {
    auto ruleset = one_chain(nat_output, {{{tcp}, "captured_outbound", RedirectTo{1}, "counted"},
                                          {{udp}, "exempt_port", Return{}, ""},
                                          {{}, "exempt_port", Drop{}, ""}});
    ruleset.counters = {"captured_outbound", "exempt_port", "invalid_dropped"};
    return ruleset;
}

constexpr BaseChain nat_postrouting{ChainType::nat, Hook::postrouting, 95};

conf::IpAddress ip(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

/// Every way to an endpoint, in both families and protocols.
NamedRuleset vips() {
    Ruleset ruleset{.table = "meshgate",
                    .sets = {{"vips4", "", AddressElements{Family::ipv4, {network("240.0.0.0/4")}}},
                             {"vips6", "", AddressElements{Family::ipv6, {network("fd00::/64")}}}},
                    .chains = {}};
    Chain random{"vip_random_2", std::nullopt, {}}, turn{"vip_turn_1", std::nullopt, {}};
    Chain client{"vip_client_120", std::nullopt, {}}, output{"output", nat_output, {}};
    Chain source{"source", nat_postrouting, {}}, refusal{"refusal", mangle_prerouting, {}};
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        const bool ipv4 = family == Family::ipv4;
        const auto vip = ip(ipv4 ? "240.0.0.7" : "fd00::7");
        const auto endpoint = ip(ipv4 ? "192.0.2.10" : "2001:db8::10");
        for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
            const auto name = std::string{protocol == Protocol::tcp ? "tcp" : "udp"} +
                              (ipv4 ? "4" : "6");
            const auto classes = "class_" + name, endpoints = "endpoints_" + name;
            ruleset.class_maps.push_back({classes, "to chains", family,
                                          {{vip, 80, "vip_random_2"}, {vip, 443, "vip_turn_1"}}});
            ruleset.endpoint_maps.push_back({endpoints, ipv4 ? "to endpoints" : "", family, protocol,
                                             {{vip, 80, 0, endpoint, 8080},
                                              {vip, 80, 1, endpoint, 65535},
                                              {vip, 443, 0, endpoint, 1},
                                              {vip, 443, 4294967295, endpoint, 1}}});
            random.rules.push_back(
                rule({}, DnatToSlot{family, protocol, SlotChoice::random, 2, endpoints}));
            turn.rules.push_back(
                rule({}, DnatToSlot{family, protocol, SlotChoice::in_turn, 120, endpoints}));
            client.rules.push_back({{}, own_counter,
                                    DnatToSlot{family, protocol, SlotChoice::by_client, 120,
                                               endpoints},
                                    "always the same"});
            output.rules.push_back(rule({}, ToClass{family, protocol, classes}));
            output.rules.push_back({{MatchSkuid{5U}}, own_counter, ToClass{family, protocol, classes}, "x"});
        }
        const SetRef set{ipv4 ? "vips4" : "vips6"};
        source.rules.push_back(
            rule({MatchOriginalDestination{family, set}, MatchLocalSource{false, Sense::equal},
                  MatchLocalSource{true, Sense::not_equal}},
                 Masquerade{}));
        refusal.rules.push_back(
            {{address(daddr, Sense::equal, family, set), tcp}, own_counter, Reject{true}, "refused"});
        refusal.rules.push_back(rule({address(daddr, Sense::equal, family, set)}, Reject{false}));
    }
    ruleset.class_maps.push_back({"none", "", Family::ipv6, {}});
    ruleset.chains = {random, turn, client, output, source, refusal};
    return {"virtual addresses", std::move(ruleset)};
}

NamedRuleset main_job() {
    Ruleset ruleset{.table = "meshgate", .sets = sets_of_every_type(), .chains = {}};
    ruleset.chains.push_back({"raw_output",
                              raw_output,
                              {rule({MatchSkuid{SetRef{"users"}}}),
                               rule({udp, MatchDport{PortRange{53, 53}}}, OriginalZone{15053})}});
    ruleset.chains.push_back(
        {"invalid",
         mangle_prerouting,
         {{{tcp, MatchInvalid{}}, own_counter, Drop{}, "out of window: istio issue 36566"}}});
    ruleset.chains.push_back({"to_15006", std::nullopt, {rule({tcp}, RedirectTo{15006})}});
    ruleset.chains.push_back(
        {"nat_output",
         nat_output,
         {rule({MatchSkuid{5678U}, MatchLoopback{Device::out, Sense::equal}, tcp,
                address(daddr, Sense::not_equal, "127.0.0.1/32")},
               Jump{"to_15006"}),
          rule({tcp_and_udp, MatchDport{PortRange{53, 53}}}, RedirectTo{15053}),
          {{MatchFamily{Family::ipv4}, tcp}, own_counter, RedirectTo{15001}, "the rest"}}});
    ruleset.chains.push_back(
        {"nat_prerouting",
         nat_prerouting,
         {rule({MatchInterface{Device::in, "docker0"}, MatchLocalDestination{}, tcp},
               Jump{"to_15006"})}});
    return {"the main job", std::move(ruleset)};
}

}  // namespace

Cidr network(const std::string& text) {
    return Cidr::parse(text).value();
}

std::vector<NamedRuleset> every_kind() {
    return {
        {"nothing but the table", {.table = "meshgate", .sets = {}, .chains = {}}},
        {"an empty chain", one_chain(nat_output, {})},
        {"a regular chain",
         {.table = "t", .sets = {}, .chains = {{"regular", std::nullopt, {rule({})}}}}},
        {"sets", one_chain(nat_output, lookups(), sets_of_every_type())},
        {"networks", one_chain(raw_output, networks())},
        {"family", one_chain(raw_output, {rule({MatchFamily{Family::ipv4}}),
                                          rule({MatchFamily{Family::ipv6}, tcp}, Drop{})})},
        {said_twice,
         one_chain(
             raw_output,
             {rule({MatchFamily{Family::ipv4}, address(daddr, Sense::equal, "10.0.0.0/8")}),
              rule({MatchFamily{Family::ipv6}, tcp, address(daddr, Sense::equal, "::1/128")})})},
        {"protocols and ports",
         one_chain(raw_output, {rule({tcp}), rule({udp}), rule({tcp_and_udp}),
                                rule({tcp, MatchDport{PortRange{0, 0}}}),
                                rule({udp, MatchDport{PortRange{53, 53}}}, Drop{}),
                                rule({tcp_and_udp, MatchDport{PortRange{0, 65535}}}),
                                rule({tcp_and_udp, MatchDport{PortRange{3000, 5000}}})})},
        {"users",
         one_chain(raw_output, {rule({MatchSkuid{0U}}), rule({MatchSkuid{4294967295U}}, Drop{})})},
        {"groups and marks",
         one_chain(raw_output,
                   {rule({MatchSkgid{0U}}), rule({MatchSkgid{4294967295U}}, Drop{}),
                    rule({MatchMark{.marks = 0x539U}}), rule({MatchMark{.marks = 4294967295U}}),
                    rule({MatchMark{0xfff, 0x539U}}), rule({MatchMark{0xff000000, 0x1000000U}})})},
        {"named counters", named_counters()},
        {"interfaces in", one_chain(mangle_prerouting,
                                    {rule({MatchInterface{Device::in, "docker0"}}),
                                     rule({MatchInterface{Device::in, "fifteen-bytes-x"}}),
                                     rule({MatchInterface{Device::in, "br-*"}}),
                                     rule({MatchLoopback{Device::in, Sense::equal}}),
                                     rule({MatchLoopback{Device::in, Sense::not_equal}}, Drop{})})},
        {"interfaces out",
         one_chain(raw_output, {rule({MatchInterface{Device::out, "eth0"}}),
                                rule({MatchInterface{Device::out, "a*"}}),
                                rule({MatchLoopback{Device::out, Sense::equal}}),
                                rule({MatchLoopback{Device::out, Sense::not_equal}}, Drop{})})},
        {"local destinations",
         one_chain(nat_prerouting, {rule({MatchLocalDestination{}, tcp}, RedirectTo{1})})},
        {"counters and comments", one_chain(raw_output, {{{}, own_counter, Return{}, ""},
                                                         {{tcp}, own_counter, Drop{}, "why"},
                                                         {{udp, MatchDport{PortRange{53, 53}}},
                                                          own_counter,
                                                          OriginalZone{65535},
                                                          std::string(128, 'x')},
                                                         {{udp}, {}, OriginalZone{1}, "zone"}})},
        {"logging",
         one_chain(nat_output, {logged(rule({tcp}, RedirectTo{1}), std::string(127, 'x')),
                                logged({{udp}, own_counter, RedirectTo{2}, "logged"},
                                       "mesh %s {};# "),
                                logged(rule({}), " ")})},
        vips(),
        main_job(),
    };
}

Ruleset many_ports(std::size_t count) {
    PortElements ports;
    for (std::size_t i = 0; i < count; ++i) {
        const auto port = static_cast<Port>(2 * i + 1);
        ports.push_back({port, port});
    }
    return one_chain(nat_output, {rule({tcp, MatchDport{SetRef{"ports"}}})},
                     {{"ports", "", ports}});
}

}  // namespace meshgate::netfilter::test
