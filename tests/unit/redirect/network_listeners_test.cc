#include "src/meshgate-redirect/network_listeners.h"

#include "conf/load.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;
using Lines = std::vector<std::string>;

namespace {

conf::IpAddress address(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

netfilter::WaitingSocket at(const std::string& text, conf::Port port) {
    return {.address = address(text), .port = port, .takes_ipv4 = false, .uid = 0, .inode = 0};
}

const std::vector<InterfaceAddress> addresses{
    {"lo", address("127.0.0.1")},       {"lo", address("::1")},
    {"docker0", address("172.17.0.1")}, {"docker0", address("172.17.9.9")},
    {"docker0", address("fe80::7")},    {"docker0", address("fd00:17::1")},
    {"lan0", address("192.168.1.1")},   {"bare0", address("fe80::8")},
};

const std::string dns = "[redirect.dns]\nenabled = true\n";
const std::string docker =
    "[[redirect.network]]\ninterface = \"docker0\"\ncidr = [\"172.17.0.0/16\", \"10.9.0.0/16\"]\n";
const std::string docker6 =
    "[[redirect.network]]\ninterface = \"docker0\"\ncidr = \"fd00:17::/64\"\n";
const std::string all = "[[redirect.network]]\ninterface = \"docker+\"\ncidr = \"10.0.0.0/8\"\n";
const std::string clients_of_lan0 =
    "[[redirect.network]]\ninterface = \"lan0\"\ncidr = \"192.168.1.128/25\"\n";

conf::Config parse(const std::string& toml) {
    return conf::parse(toml, "t.toml").config;
}

bool contains(const Lines& lines, const std::string& words) {
    for (const auto& line : lines) {
        if (line.find(words) != std::string::npos) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("check says where meshgate-dns has to listen for clients behind an interface") {
    struct Row {
        std::string toml;
        Lines expected;
    };
    const auto listen = [](const std::string& list) { return "[dns]\nlisten = [" + list + "]\n"; };
    const std::string is_unheard = "captured IPv4 DNS of docker0 does not reach meshgate-dns: "
                                   "'dns.listen' needs \"docker0:15053\" or \"0.0.0.0:15053\"";
    const std::vector<Row> rows{
        {dns, {}},
        {docker, {}},  // no DNS is captured
        {dns + docker, {"t.toml:3:1: " + is_unheard}},
        {dns + docker + listen("\"docker0:15053\""), {}},
        {dns + docker + listen("\"docker0:53\""), {"t.toml:3:1: " + is_unheard}},
        {dns + docker + listen("\"docker1:15053\""), {"t.toml:3:1: " + is_unheard}},
        {dns + docker + listen("\"0.0.0.0:15053\""), {}},
        {dns + docker + listen("\"[::]:15053\""), {"t.toml:3:1: " + is_unheard}},
        {dns + docker + listen("\"172.17.0.1:15053\""), {}},
        {dns + docker + listen("\"172.17.77.1:15053\""), {}},  // an interface to come
        {dns + docker + listen("\"192.168.1.1:15053\""), {"t.toml:3:1: " + is_unheard}},
        {dns + clients_of_lan0 + listen("\"192.168.1.1:15053\""), {}},
        {dns + docker6 + listen("\"0.0.0.0:15053\""),
         {"t.toml:3:1: captured IPv6 DNS of docker0 does not reach meshgate-dns: 'dns.listen' "
          "needs "
          "\"docker0:15053\" or \"[::]:15053\""}},
        {"[redirect]\nip_family = \"ipv4\"\n" + dns + docker6, {}},
        {dns + all,
         {"t.toml:3:1: captured IPv4 DNS of docker+ does not reach meshgate-dns: "
          "'dns.listen' needs \"0.0.0.0:15053\""}},
        {dns + all + listen("\"docker7:15053\""), {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.toml);
        CHECK(unheard_networks(parse(row.toml), addresses) == row.expected);
    }
}

TEST_CASE("install says at which address of an interface nobody listens") {
    const auto missing = [](const std::string& toml, Waiting waiting) {
        return missing_network_listeners(parse(toml).redirect, addresses, waiting);
    };
    const Waiting loopback{{at("127.0.0.1", 15001)}, {at("127.0.0.1", 15053), at("::1", 15053)}};
    const auto lines = missing(dns + docker, loopback);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] ==
          "nobody listens on UDP port 15053 of docker0 (172.17.0.1): DNS of its clients "
          "is refused until somebody does ([dns] listen = \"docker0:15053\" or "
          "\"0.0.0.0:15053\")");
    CHECK(lines[1] ==
          "nobody listens on TCP port 15001 of docker0 (172.17.0.1): TCP of its clients "
          "is refused until the proxy does, there or at 0.0.0.0");
    CHECK(contains(missing(dns + docker6, loopback), "UDP port 15053 of docker0 (fd00:17::1)"));

    SUBCASE("somebody does") {
        for (const std::string where : {"0.0.0.0", "172.17.0.1"}) {
            CHECK(missing(dns + docker, {{at(where, 15001)}, {at(where, 15053)}}).empty());
        }
        auto both = at("::", 15053);
        both.takes_ipv4 = true;
        CHECK(missing(dns + docker, {{at("0.0.0.0", 15001)}, {both}}).empty());
        // Not the address that the kernel redirects to.
        CHECK(missing(dns + docker, {{}, {at("172.17.9.9", 15053)}}).size() == 1);
    }
    SUBCASE("nobody anywhere is said elsewhere") {
        CHECK(missing(dns + docker, {}).empty());
    }
    SUBCASE("what is off is not missed") {
        CHECK(missing("[redirect]\noutbound.enabled = false\n" + docker, loopback).empty());
    }
    SUBCASE("interfaces that are not there, or have no address") {
        const auto network = [](const std::string& name) {
            return "[[redirect.network]]\ninterface = \"" + name + "\"\ncidr = \"10.0.0.0/8\"\n";
        };
        CHECK(contains(missing(network("dcoker0"), {}), "there is no interface dcoker0"));
        CHECK(contains(missing(network("br-+"), {}), "there is no interface br-+ with"));
        CHECK(contains(missing(network("bare0"), {}), "bare0 has no IPv4 address"));
        CHECK(missing(network("docker+"), {}).empty());
    }
}
