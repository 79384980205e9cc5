#include "configurations.h"
#include "evaluate.h"

#include "netfilter/plan/summary.h"
#include "netfilter/ruleset/counters.h"
#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

constexpr Uid app = 1000;
constexpr Uid proxy = 5678;
constexpr auto tcp = Protocol::tcp;
constexpr auto udp = Protocol::udp;

Packet from(Uid uid, Protocol protocol, const std::string& destination, Port dport,
            const std::string& interface = "eth0") {
    const bool ipv6 = destination.find(':') != std::string::npos;
    return {.hook = Hook::output,
            .protocol = protocol,
            .source = ipv6 ? "2001:db8::1" : "192.0.2.1",
            .destination = destination,
            .dport = dport,
            .uid = uid,
            .interface = interface,
            .to_this_host = interface == "lo"};
}

/// Over the route that install makes where there is none to the VIPs.
Packet to_vip(Uid uid, const std::string& vip) {
    auto packet = from(uid, tcp, vip, 80, "lo");
    packet.to_this_host = false;
    return packet;
}

Packet arriving(Protocol protocol, const std::string& source, const std::string& destination,
                Port dport, const std::string& interface, bool to_this_host) {
    return {.hook = Hook::prerouting,
            .protocol = protocol,
            .source = source,
            .destination = destination,
            .dport = dport,
            .uid = {},
            .interface = interface,
            .to_this_host = to_this_host};
}

/// As the kernel chooses its source (prefer the outgoing interface, RFC 6724 rule 5).
Packet to_vip_from_passthrough(Uid uid) {
    auto packet = to_vip(uid, "fd00:fd00::1");
    packet.source = "::6";
    return packet;
}

Packet passthrough(const std::string& source, const std::string& destination) {
    auto packet = from(proxy, tcp, destination, 8080, "lo");
    packet.source = source;
    return packet;
}

const Outcome left_alone{};
const Outcome to_outbound{15001, {}, false};
const Outcome to_inbound{15006, {}, false};
const Outcome tcp_dns{15053, {}, false};
const Outcome udp_dns{15053, 15053, false};

struct Row {
    std::string what;
    Packet packet;
    Outcome outcome;
};

void check(const std::string& toml_or_name, const std::vector<Row>& rows) {
    const bool named = toml_or_name.find_first_of("[ \n") == std::string::npos;
    const auto plan = named ? plan_of(configuration(toml_or_name)) : plan_of(toml_or_name);
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(evaluate(plan.ruleset, row.packet) == row.outcome);
    }
}

}  // namespace

TEST_CASE("the main job: who sends what where") {
    check("main_job",
          {{"an application's connection", from(app, tcp, "203.0.113.1", 80), to_outbound},
           {"over IPv6", from(app, tcp, "2001:db8:1::1", 80), to_outbound},
           {"to a VIP", from(app, tcp, "240.0.0.0", 80), to_outbound},
           {"to a VIP without a default route", to_vip(app, "240.0.0.0"), to_outbound},
           {"to an IPv6 VIP without one", to_vip(app, "fd00:fd00::1"), to_outbound},
           {"to an IPv6 VIP from ::6", to_vip_from_passthrough(app), to_outbound},
           {"other UDP", from(app, udp, "203.0.113.1", 443), left_alone},
           {"its DNS", from(app, udp, "192.0.2.53", 53), udp_dns},
           {"its DNS over TCP", from(app, tcp, "192.0.2.53", 53), tcp_dns},
           {"its DNS to a local stub", from(app, udp, "127.0.0.53", 53, "lo"), udp_dns},
           {"its DNS over TCP to a local stub", from(app, tcp, "127.0.0.53", 53, "lo"), tcp_dns},
           {"its DNS over IPv6", from(app, udp, "2001:db8::53", 53), udp_dns},
           {"to itself", from(app, tcp, "127.0.0.1", 8080, "lo"), left_alone},
           {"to the own address", from(app, tcp, "192.0.2.1", 8080, "lo"), left_alone},
           {"root is an application too", from(0, tcp, "203.0.113.1", 80), to_outbound},
           {"the highest uid", from(4294967294, tcp, "203.0.113.1", 80), to_outbound},
           {"the proxy's connection", from(proxy, tcp, "203.0.113.1", 80), left_alone},
           {"the proxy's DNS", from(proxy, udp, "192.0.2.53", 53), left_alone},
           {"the proxy's DNS over TCP", from(proxy, tcp, "192.0.2.53", 53), left_alone},
           {"the proxy's DNS to a local stub", from(proxy, tcp, "127.0.0.53", 53, "lo"),
            left_alone}});
}

TEST_CASE("the proxy over lo") {
    check("main_job",
          {{"calls the own address", from(proxy, tcp, "192.0.2.1", 8080, "lo"), to_inbound},
           {"over IPv6", from(proxy, tcp, "2001:db8::1", 8080, "lo"), to_inbound},
           {"to a VIP without a default route", to_vip(proxy, "240.0.0.9"), left_alone},
           {"to 127.0.0.1", from(proxy, tcp, "127.0.0.1", 8080, "lo"), left_alone},
           {"to ::1", from(proxy, tcp, "::1", 8080, "lo"), left_alone},
           {"to another loopback address", from(proxy, tcp, "127.0.0.6", 8080, "lo"), to_inbound},
           {"inbound passthrough", passthrough("127.0.0.6", "192.0.2.1"), left_alone},
           {"inbound passthrough, IPv6", passthrough("::6", "2001:db8::1"), left_alone}});
    check("[redirect]\ninbound.enabled = false",
          {{"there is no inbound port", from(proxy, tcp, "192.0.2.1", 8080, "lo"), left_alone}});
    check("[redirect]\noutbound.enabled = false",
          {{"it still comes in as from outside", from(proxy, tcp, "192.0.2.1", 8080, "lo"),
            to_inbound},
           {"applications are left alone", from(app, tcp, "192.0.2.1", 8080, "lo"), left_alone},
           {"and go out", from(app, tcp, "203.0.113.1", 80), left_alone}});
}

TEST_CASE("users, groups and marks are exempt for DNS and TCP, and each proxy user calls itself") {
    const auto with = [](Packet packet, std::optional<Gid> gid, Mark mark = 0) {
        packet.gid = gid;
        packet.mark = mark;
        return packet;
    };
    std::vector<Row> rows{
        {"mask: other bits do not count",
         with(from(app, tcp, "203.0.113.1", 80), app, 0xabc53a), left_alone},
        {"mask: a part of a value is none", with(from(app, tcp, "203.0.113.1", 80), app, 0x538),
         to_outbound},
        {"a value without a mask is the whole mark",
         with(from(app, tcp, "203.0.113.1", 80), app, 0x1100), to_outbound},
        {"a group is not a user", with(from(1337, tcp, "203.0.113.1", 80), 100), to_outbound},
        {"a user is not a group", with(from(app, tcp, "203.0.113.1", 80), 2500), to_outbound},
        {"nobody known", with(from(app, tcp, "203.0.113.1", 80), {}), to_outbound},
        {"the resolver calls nobody",
         from(990, tcp, "192.0.2.1", 8080, "lo"), left_alone},
    };
    struct Key {
        Uid uid;
        Gid gid;
        Mark mark;
    };
    for (const auto& [uid, gid, mark] : std::vector<Key>{{5678, 1, 0}, {5679, 1, 0}, {5680, 1, 0},
                                                         {990, 1, 0}, {2500, 1, 0}, {app, 1337, 0},
                                                         {app, 1338, 0}, {app, 3999, 0},
                                                         {app, 1, 0x539}, {app, 1, 0x100},
                                                         {app, 1, 0x5010000}, {app, 1, 0xf53a},
                                                         {2500, 1337, 0x539}}) {
        const auto what = std::to_string(uid) + " " + std::to_string(gid) + " " +
                          std::to_string(mark);
        rows.push_back({what + " TCP", with(from(uid, tcp, "203.0.113.1", 80), gid, mark),
                        left_alone});
        rows.push_back({what + " TCP, IPv6", with(from(uid, tcp, "2001:db8:1::1", 80), gid, mark),
                        left_alone});
        rows.push_back({what + " DNS", with(from(uid, udp, "192.0.2.53", 53), gid, mark),
                        left_alone});
        rows.push_back({what + " DNS over TCP", with(from(uid, tcp, "192.0.2.53", 53), gid, mark),
                        left_alone});
        const bool is_proxy = uid >= 5678 && uid <= 5680;
        rows.push_back({what + " to the own address",
                        with(from(uid, tcp, "192.0.2.1", 8080, "lo"), gid, mark),
                        is_proxy ? to_inbound : left_alone});
        // The proxy's own call is one whatever mark it carries.
        if (!is_proxy) continue;
        rows.push_back({what + " marked, to the own address",
                        with(from(uid, tcp, "2001:db8::1", 8080, "lo"), 1337, 0x539), to_inbound});
    }
    check("keys", rows);
}

TEST_CASE("an exempt user makes no self-calls, and neither its DNS nor its TCP is captured") {
    auto exempt = configuration("main_job");
    exempt.host.exempt_users = {{990, 999}};
    const auto ruleset = plan_of(exempt).ruleset;
    for (const Uid uid : {990U, 995U, 999U}) {
        CAPTURE(uid);
        CHECK(evaluate(ruleset, from(uid, tcp, "203.0.113.1", 80)) == left_alone);
        CHECK(evaluate(ruleset, from(uid, udp, "192.0.2.53", 53)) == left_alone);
        CHECK(evaluate(ruleset, from(uid, tcp, "192.0.2.53", 53)) == left_alone);
        CHECK(evaluate(ruleset, from(uid, tcp, "192.0.2.1", 8080, "lo")) == left_alone);
    }
    CHECK(evaluate(ruleset, from(989, tcp, "203.0.113.1", 80)) == to_outbound);
    CHECK(evaluate(ruleset, from(app, udp, "192.0.2.53", 53)) == udp_dns);
}

TEST_CASE("inbound") {
    const auto inbound = [](const std::string& source, Port dport, const std::string& interface,
                            bool local = true) {
        const bool ipv6 = source.find(':') != std::string::npos;
        return arriving(tcp, source, ipv6 ? "2001:db8::1" : "192.0.2.1", dport, interface, local);
    };
    check("main_job",
          {{"a connection", inbound("203.0.113.9", 8080, "eth0"), to_inbound},
           {"over IPv6", inbound("2001:db8:9::9", 8080, "eth0"), to_inbound},
           {"SSH is excluded", inbound("203.0.113.9", 22, "eth0"), left_alone},
           {"what is forwarded", inbound("203.0.113.9", 8080, "eth0", false), left_alone},
           {"UDP", arriving(udp, "203.0.113.9", "192.0.2.1", 53, "eth0", true), left_alone},
           {"from this machine", inbound("192.0.2.1", 8080, "lo"), left_alone}});
    check("[redirect.inbound]\ninclude_ports = [80, \"8000-8100\"]\n"
          "exclude_sources = [\"198.51.100.0/24\"]",
          {{"included", inbound("203.0.113.9", 8050, "eth0"), to_inbound},
           {"not included", inbound("203.0.113.9", 8101, "eth0"), left_alone},
           {"an excluded source", inbound("198.51.100.9", 80, "eth0"), left_alone}});
}

TEST_CASE("outbound ports, destinations and users that are excluded") {
    check("[redirect.outbound]\nexclude_ports = [3306, \"5432-5433\"]\n"
          "exclude_destinations = [\"169.254.169.254\", \"fd00::/8\"]\n"
          "[redirect.dns]\nenabled = true\ncapture = \"all\"\nprotocols = [\"udp\", \"tcp\"]",
          {{"a port", from(app, tcp, "203.0.113.1", 3306), left_alone},
           {"a range", from(app, tcp, "203.0.113.1", 5433), left_alone},
           {"beside it", from(app, tcp, "203.0.113.1", 5434), to_outbound},
           {"a destination", from(app, tcp, "169.254.169.254", 80), left_alone},
           {"its DNS", from(app, udp, "169.254.169.254", 53), left_alone},
           {"its DNS over TCP", from(app, tcp, "fd00::1", 53), left_alone}});
    check("everything", {{"both protocols", from(1001, udp, "192.0.2.53", 53), left_alone},
                         {"a port of the range", from(1010, tcp, "203.0.113.1", 4000), left_alone},
                         {"beside it", from(1010, tcp, "203.0.113.1", 5001), to_outbound},
                         {"only its TCP DNS", from(1200, tcp, "192.0.2.53", 53), left_alone},
                         {"not its UDP DNS", from(1200, udp, "192.0.2.53", 53), {15053, 7, false}},
                         {"all of it", from(1302, udp, "192.0.2.53", 53), left_alone},
                         {"all of it, TCP", from(1302, tcp, "203.0.113.1", 443), left_alone},
                         {"a user between", from(1301, tcp, "203.0.113.1", 443), to_outbound}});
    check("includes", {{"included", from(app, tcp, "203.0.113.1", 2000), to_outbound},
                       {"not included", from(app, tcp, "203.0.113.1", 80), left_alone}});
}

TEST_CASE("TCP DNS that is not captured goes direct, never to the proxy") {
    const Row direct{"TCP/53", from(app, tcp, "198.51.100.53", 53), left_alone};
    check("defaults", {direct});
    check("include_port_53", {direct});
    check("exclude_port_53", {direct});
    check("outbound_only", {direct});
    check("nameservers", {direct,
                          {"to a server of resolv.conf", from(app, tcp, "192.0.2.53", 53), tcp_dns},
                          {"UDP to another one", from(app, udp, "198.51.100.53", 53), left_alone}});
    check("seed",
          {{"TCP to a server of resolv.conf", from(app, tcp, "198.51.100.53", 53), left_alone},
           {"UDP to it", from(app, udp, "198.51.100.53", 53), udp_dns},
           {"UDP to the IPv6 one", from(app, udp, "2001:db8::53", 53), udp_dns},
           {"UDP to another one", from(app, udp, "203.0.113.53", 53), left_alone}});
}

TEST_CASE("a nameserver with a scope is captured on its interface only") {
    check("nameservers", {{"on it", from(app, udp, "fe80::1", 53, "eth0"), udp_dns},
                          {"on another", from(app, udp, "fe80::1", 53, "eth1"), left_alone},
                          {"without a scope", from(app, udp, "fe80::2", 53, "eth1"), udp_dns}});
}

TEST_CASE("one family only") {
    check("ipv4_only", {{"IPv4", from(app, tcp, "203.0.113.1", 80), to_outbound},
                        {"IPv4 DNS", from(app, udp, "192.0.2.53", 53), udp_dns},
                        {"IPv6", from(app, tcp, "2001:db8:1::1", 80), left_alone},
                        {"IPv6 DNS", from(app, udp, "2001:db8::53", 53), left_alone}});
    check("ipv6_only", {{"IPv6", from(app, tcp, "2001:db8:1::1", 80), to_outbound},
                        {"IPv6 DNS", from(app, udp, "2001:db8::53", 53), udp_dns},
                        {"IPv4", from(app, tcp, "203.0.113.1", 80), left_alone},
                        {"IPv4 DNS", from(app, udp, "192.0.2.53", 53), left_alone}});
}

TEST_CASE("invalid TCP is dropped, except over lo") {
    auto packet = arriving(tcp, "203.0.113.9", "192.0.2.1", 8080, "eth0", true);
    packet.invalid = true;
    check("ipv4_only", {{"invalid", packet, {{}, {}, true}}});
    check("main_job", {{"not asked for", packet, to_inbound}});
    packet.interface = "lo";
    check("ipv4_only", {{"over lo", packet, left_alone}});
}

TEST_CASE("clients of a network") {
    const auto client = [](Protocol protocol, const std::string& destination, Port dport,
                           const std::string& interface = "docker0", bool local = false) {
        return arriving(protocol, "172.17.0.2", destination, dport, interface, local);
    };
    check(
        "everything",
        {{"TCP elsewhere", client(tcp, "203.0.113.1", 80), to_outbound},
         {"TCP within the network", client(tcp, "172.17.0.3", 80), left_alone},
         {"TCP to this machine there", client(tcp, "172.17.0.1", 80, "docker0", true), to_inbound},
         {"an excluded port", client(tcp, "203.0.113.1", 3306), left_alone},
         {"an excluded destination", client(tcp, "10.200.0.1", 80), left_alone},
         {"DNS", client(udp, "192.0.2.53", 53), {15053, 7, false}},
         {"DNS to this machine", client(udp, "172.17.0.1", 53, "docker0", true), {15053, 7, false}},
         {"DNS to an excluded server", client(udp, "10.0.0.53", 53), left_alone},
         {"DNS over TCP", client(tcp, "192.0.2.53", 53), tcp_dns},
         {"by another interface", client(tcp, "203.0.113.1", 80, "eth0"), left_alone},
         {"of another address", client(tcp, "203.0.113.1", 80, "br-1"), left_alone}});
    check("network_without_dns", {{"DNS over TCP", client(tcp, "192.0.2.53", 53), left_alone},
                                  {"DNS", client(udp, "192.0.2.53", 53), left_alone},
                                  {"TCP", client(tcp, "203.0.113.1", 80), to_outbound}});
}

namespace {

/// Packets of all kinds, for what has to hold for each of them.
std::vector<Packet> many_packets() {
    std::vector<Packet> packets;
    for (const auto protocol : {tcp, udp}) {
        for (const auto* destination :
             {"192.0.2.53", "198.51.100.53", "127.0.0.53", "127.0.0.1", "10.1.2.3", "172.17.0.3",
              "240.0.0.1", "2001:db8::53", "fe80::1", "::1", "fd00::1"}) {
            const bool ipv6 = std::string{destination}.find(':') != std::string::npos;
            for (const Port dport : {53, 80, 443, 3000, 15053}) {
                for (const auto* interface : {"eth0", "lo", "docker0", "lan0"}) {
                    for (const Uid uid : {0U, app, 1001U, 1200U, 1300U, 990U, proxy}) {
                        packets.push_back(from(uid, protocol, destination, dport, interface));
                    }
                    for (const bool local : {false, true}) {
                        packets.push_back(arriving(protocol, ipv6 ? "fd00:17::2" : "172.17.0.2",
                                                   destination, dport, interface, local));
                    }
                }
            }
        }
    }
    return packets;
}

}  // namespace

TEST_CASE("a question is in the zone if and only if it is redirected and a zone is wanted") {
    const auto packets = many_packets();
    for (const auto& configuration : configurations()) {
        CAPTURE(configuration.name);
        const auto ruleset = plan_of(configuration).ruleset;
        const bool zone_wanted = configuration.name != "no_zone";
        std::size_t violations = 0;
        for (const Packet& packet : packets) {
            const auto outcome = evaluate(ruleset, packet);
            const bool question = packet.protocol == udp && packet.dport == 53;
            violations +=
                outcome.zone.has_value() != (zone_wanted && question && outcome.redirected_to);
            violations += packet.protocol == udp && !question && outcome.redirected_to;
        }
        CHECK(violations == 0);
    }
}

TEST_CASE("whatever the configuration, the proxy reaches everything but itself") {
    const auto packets = many_packets();
    for (const auto& configuration : configurations()) {
        if (configuration.name == "network_without_proxy") continue;  // it has none to exempt
        CAPTURE(configuration.name);
        const auto ruleset = plan_of(configuration).ruleset;
        for (const Packet& packet : packets) {
            if (packet.uid != proxy) continue;
            const auto outcome = evaluate(ruleset, packet);
            if (packet.interface == "lo" && packet.dport != 53) {
                CHECK((outcome == left_alone || outcome == to_inbound));
            } else {
                CHECK(outcome == left_alone);
            }
        }
    }
}

TEST_CASE("every rule is well made") {
    for (const auto& configuration : configurations()) {
        CAPTURE(configuration.name);
        const auto ruleset = plan_of(configuration).ruleset;
        std::set<std::string> unused;
        for (const Set& set : ruleset.sets) {
            CHECK(set.name.size() <= 31);
            CHECK(set.comment.size() <= 128);
            CHECK(unused.insert(set.name).second);
        }
        std::set<std::string> chains;
        std::set<std::string> counted;
        for (const Chain& chain : ruleset.chains) {
            for (const Rule& rule : chain.rules) {
                CAPTURE(rule.comment);
                CHECK_FALSE(rule.comment.empty());
                CHECK(rule.comment.size() <= 128);
                CHECK(rule.comment.find('"') == std::string::npos);
                if (const auto* jump = std::get_if<Jump>(&rule.verdict)) {
                    CHECK(chains.contains(jump->chain));
                }
                // Of the zone's chains nothing is counted twice; what ip_family leaves alone is
                // nobody's business; while nobody answers DNS, the guard says so.
                const bool counts = !std::holds_alternative<Jump>(rule.verdict) &&
                                    chain.name.find("zone") == std::string::npos &&
                                    !rule.comment.starts_with("redirect.ip_family") &&
                                    !rule.comment.starts_with("nobody answers DNS here");
                CHECK(rule.counter.has_value() == counts);
                if (rule.counter) {
                    CHECK(is_cause(*rule.counter));
                    counted.insert(*rule.counter);
                }
                for (const Match& match : rule.matches) {
                    if (const auto* m = std::get_if<MatchDport>(&match)) {
                        if (const auto* set = std::get_if<SetRef>(&m->ports))
                            unused.erase(set->name);
                    } else if (const auto* a = std::get_if<MatchAddress>(&match)) {
                        if (const auto* set = std::get_if<SetRef>(&a->networks)) {
                            unused.erase(set->name);
                        }
                    } else if (const auto* u = std::get_if<MatchSkuid>(&match)) {
                        if (const auto* set = std::get_if<SetRef>(&u->users))
                            unused.erase(set->name);
                    } else if (const auto* g = std::get_if<MatchSkgid>(&match)) {
                        unused.erase(std::get<SetRef>(g->groups).name);
                    } else if (const auto* k = std::get_if<MatchMark>(&match)) {
                        unused.erase(std::get<SetRef>(k->marks).name);
                    }
                }
            }
            CHECK(chains.insert(chain.name).second);
        }
        CHECK(unused.empty());
        CHECK(std::set<std::string>{ruleset.counters.begin(), ruleset.counters.end()} == counted);
        CHECK(ruleset.counters.size() == counted.size());
    }
}

TEST_CASE("the number of rules does not grow with the lists") {
    std::string ports = "1";
    for (int port = 3; port < 2000; port += 2) ports += "," + std::to_string(port);
    const auto few = plan_of("[redirect]\ninbound.exclude_ports = [1]").ruleset;
    const auto many = plan_of("[redirect]\ninbound.exclude_ports = [" + ports + "]").ruleset;
    const auto count = [](const Ruleset& ruleset) {
        std::size_t rules = 0;
        for (const Chain& chain : ruleset.chains) rules += chain.rules.size();
        return rules;
    };
    CHECK(count(few) == count(many));
}

TEST_CASE("what is beside the table") {
    struct Case {
        std::string toml;
        bool address6;
        std::vector<std::string> routes;
    };
    const Case cases[] = {
        {"", true, {"240.0.0.0/4"}},
        {"[vip]\nipv4 = \"10.96.0.0/12\"\nipv6 = \"fd00:fd00::/64\"",
         true,
         {"10.96.0.0/12", "fd00:fd00::/64"}},
        {"[redirect]\nip_family = \"ipv4\"\n[vip]\nipv6 = \"fd00:fd00::/64\"",
         false,
         {"240.0.0.0/4"}},
        {"[redirect]\nip_family = \"ipv6\"\n[vip]\nipv6 = \"fd00:fd00::/64\"",
         true,
         {"fd00:fd00::/64"}},
        {"[redirect]\noutbound.enabled = false", true, {}},
        {"[redirect]\ninbound.enabled = false", false, {"240.0.0.0/4"}},
        {"[proxy]\nenabled = false\n[redirect]\ndns.enabled = true", false, {}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.toml);
        const auto surroundings = plan_of(one.toml).surroundings;
        CHECK(surroundings.inbound_passthrough_address6 == one.address6);
        std::vector<std::string> routes;
        for (const auto& route : surroundings.local_routes) routes.push_back(route.to_string());
        CHECK(routes == one.routes);
    }
}

TEST_CASE("a ruleset says itself what it captures") {
    using meshgate::conf::DnsCaptureMode;
    const std::vector<Family> both{Family::ipv4, Family::ipv6};
    const std::vector<Protocol> udp_and_tcp{udp, tcp};
    struct Case {
        std::string name;
        Summary summary;
    };
    const Case cases[] = {
        {"defaults", {both, 15006, 15001, {}}},
        {"main_job", {both, 15006, 15001, Summary::Dns{15053, DnsCaptureMode::all, udp_and_tcp}}},
        {"everything", {both, 15006, 15001, Summary::Dns{15053, DnsCaptureMode::all, udp_and_tcp}}},
        {"seed", {both, 15006, 15001, Summary::Dns{15053, DnsCaptureMode::resolv_conf, {udp}}}},
        {"tcp_dns_only",
         {both, 15006, 15001, Summary::Dns{15055, DnsCaptureMode::resolv_conf, {tcp}}}},
        {"inbound_only", {both, 15006, {}, {}}},
        {"outbound_only", {both, {}, 15001, {}}},
        {"dns_only", {both, {}, {}, Summary::Dns{15053, DnsCaptureMode::all, udp_and_tcp}}},
        {"includes", {both, 15006, 15001, {}}},
        {"network_without_dns", {both, 15006, 15001, {}}},
        {"ipv6_only",
         {{Family::ipv6}, 15006, 15001, Summary::Dns{15053, DnsCaptureMode::all, {udp}}}},
        {"nothing", {both, {}, {}, {}}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.name);
        CHECK(summarize(plan_of(configuration(one.name)).ruleset) == one.summary);
    }
}

TEST_CASE("log_prefix is in each rule that captures and in no other") {
    for (const bool wanted : {true, false}) {
        auto toml = configuration("everything").toml;
        if (wanted) toml.insert(toml.find("drop_invalid"), "log_prefix = \"mesh: \"\n");
        const auto plan = plan_of({"log.toml", toml, configuration("everything").host});
        std::size_t captures = 0;
        for (const Chain& chain : plan.ruleset.chains) {
            for (const Rule& rule : chain.rules) {
                const bool captured = std::holds_alternative<RedirectTo>(rule.verdict);
                captures += captured ? 1 : 0;
                CAPTURE(to_nft(rule));
                CHECK(rule.log_prefix == (captured && wanted ? "mesh: " : ""));
            }
        }
        CHECK(captures == 11);
    }
}

TEST_CASE("insert moves the chains before those of others, and networks stay before inbound") {
    struct Row {
        std::string toml;
        int output, networks, inbound;
    };
    const std::string network =
        "[[redirect.network]]\ninterface = \"lan0\"\ncidr = \"10.0.0.0/8\"\n";
    const std::vector<Row> rows{{"", -105, -106, -80},
                                {"[redirect.inbound]\ninsert = true\n", -105, -106, -105},
                                {"[redirect.outbound]\ninsert = true\n", -199, -106, -80}};
    for (const auto& row : rows) {
        CAPTURE(row.toml);
        const auto plan = plan_of(row.toml + network);
        const auto priority = [&plan](const std::string& name) {
            const auto chain = std::ranges::find(plan.ruleset.chains, name, &Chain::name);
            REQUIRE(chain != plan.ruleset.chains.end());
            return chain->base->priority;
        };
        CHECK(priority("output") == row.output);
        CHECK(priority("networks") == row.networks);
        CHECK(priority("inbound") == row.inbound);
    }
}

TEST_CASE("the questions of a resolver on this machine do not come back to it") {
    const Uid resolver = 112;
    check(
        "local_resolver",
        {{"asks its upstream", from(resolver, udp, "192.0.2.53", 53), left_alone},
         {"over TCP", from(resolver, tcp, "192.0.2.53", 53), left_alone},
         {"asks another of this machine", from(resolver, udp, "127.0.0.54", 53, "lo"), left_alone},
         {"its other connections", from(resolver, tcp, "192.0.2.53", 853), to_outbound},
         {"an application asks it", from(app, udp, "127.0.0.53", 53, "lo"), udp_dns},
         {"or another server", from(app, udp, "192.0.2.53", 53), udp_dns}});
    check("local_resolver_is_root",
          {{"asks its upstream", from(0, udp, "192.0.2.53", 53), left_alone},
           {"root asks it", from(0, udp, "127.0.0.53", 53, "lo"), udp_dns},
           {"an application asks another", from(app, udp, "192.0.2.53", 53), udp_dns}});
}

TEST_CASE("a resolver on this machine is named, and only where it matters") {
    const auto server = [](const std::string& text) {
        return meshgate::conf::SocketAddress::parse(text, 53).value();
    };
    const LocalResolver local{server("127.0.0.53").address, "dnsmasq", {112}};
    const LocalResolver absent{server("127.0.0.53").address, "", {}};
    struct Row {
        std::string what, toml;
        std::vector<std::string> nameservers;
        LocalResolver resolver;
        std::string notice;  ///< what one begins with; empty for none
        bool spared;
    };
    const std::string all = "[redirect.dns]\nenabled = true\ncapture = \"all\"\n";
    const std::string listed = "[redirect.dns]\nenabled = true\n";
    const std::string named = "nameserver 127.0.0.53 is dnsmasq on this machine: ";
    const std::vector<Row> rows{
        {"captured", all, {"127.0.0.53"}, local, named, true},
        {"nobody there", all, {"127.0.0.53"}, absent, "nameserver 127.0.0.53 is on this", false},
        {"no program",
         all,
         {"127.0.0.53"},
         {local.address, "", {0}},
         "nameserver 127.0.0.53 is a resolver on this machine: ",
         true},
        {"exempt", "[proxy]\nuser = 112\n" + all, {"127.0.0.53"}, local, "", false},
        {"ours", all + "[dns]\nlisten = [\"127.0.0.53:53\"]\n", {"127.0.0.53"}, absent, "", false},
        {"its upstream is not captured", listed, {"127.0.0.53"}, local, "", false},
        {"its upstream may be", listed, {"127.0.0.53", "192.0.2.53"}, local, named, true},
        {"no DNS capture", "", {"127.0.0.53"}, local, "", false},
        {"asked by the other family",
         "[redirect]\nip_family = \"ipv4\"\n" + all,
         {"::1"},
         {server("::1").address, "dnsmasq", {112}},
         "nameserver ::1 is dnsmasq on this machine: ",
         true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        Host host;
        if (row.what == "exempt") host.proxy_users = {112};
        for (const auto& text : row.nameservers) host.nameservers.push_back(server(text));
        host.local_resolvers = {row.resolver};
        const auto plan = plan_of({"t.toml", row.toml, host});
        const auto notice = std::ranges::find_if(
            plan.notices, [](const std::string& line) { return line.starts_with("nameserver "); });
        CHECK((notice != plan.notices.end()) == !row.notice.empty());
        if (notice != plan.notices.end()) CHECK(notice->starts_with(row.notice));
        const auto text = to_nft(plan.ruleset);
        const bool spared = text.find("local_resolvers") != std::string::npos ||
                            text.find("meta skuid 0 ") != std::string::npos;
        CHECK(spared == row.spared);
    }
}

TEST_CASE("of two resolvers on this machine that are both in resolv.conf one may ask the other") {
    Host host;
    for (const std::string text : {"127.0.0.1", "127.0.0.53"}) {
        host.nameservers.push_back(meshgate::conf::SocketAddress::parse(text, 53).value());
    }
    host.local_resolvers = {{host.nameservers[0].address, "dnsmasq", {112}},
                            {host.nameservers[1].address, "systemd-resolve", {113}}};
    const auto ruleset = plan_of({"t.toml", "[redirect]\ndns.enabled = true", host}).ruleset;
    const auto outcome = [&ruleset](Uid uid) {
        return evaluate(ruleset, from(uid, udp, "127.0.0.53", 53, "lo"));
    };
    CHECK(outcome(112) == left_alone);
    CHECK(outcome(113) == left_alone);
    CHECK(outcome(app) == udp_dns);
}
