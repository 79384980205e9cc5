#include "src/meshgate-dns/access.h"

#include "src/common/asio.h"
#include "tests/unit/server/peers.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::dnsd;
using meshgate::test::peer;

namespace {

conf::IpAddress ip(const char* text) {
    return conf::IpAddress::parse(text).value();
}
conf::Cidr net(const char* text) {
    return conf::Cidr::parse(text).value();
}
conf::SocketAddress at(const char* text) {
    return conf::SocketAddress::parse(text, 53).value();
}

const std::vector<InterfaceAddress> machine{
    {"lo", 1, ip("127.0.0.1"), 8},       {"eth0", 2, ip("192.0.2.10"), 26},
    {"eth0", 2, ip("2001:db8::10"), 64}, {"eth0", 2, ip("fe80::10"), 64},
    {"br-a", 3, ip("172.18.0.1"), 16},   {"br-b", 4, ip("fe80::1"), 64},
    {"tun0", 5, ip("10.8.0.2"), 32},
};

}  // namespace

TEST_CASE("without a word about it, this machine may ask, and the networks that are captured") {
    conf::Config config;
    config.redirect.networks = {{"docker0", {net("172.17.0.0/16"), net("fd00:17::/64")}, {}}};
    const auto access = make_access_list(config, machine);
    for (const char* own : {"127.0.0.1", "192.0.2.10", "2001:db8::10", "172.18.0.1", "10.8.0.2",
                            "172.17.3.4", "fd00:17::9"}) {
        CAPTURE(own);
        CHECK(access.allows(peer(own)));
    }
    for (const char* other : {"192.0.2.11", "2001:db8::11", "172.18.0.2", "172.16.0.1"}) {
        CAPTURE(other);
        CHECK_FALSE(access.allows(peer(other)));
    }
}

TEST_CASE("an interface stands for the networks it is in") {
    conf::Config config;
    config.dns.allow = {std::string{"eth0"}, std::string{"br-+"}, net("198.51.100.0/24"),
                        std::string{"absent0"}};
    const auto access = make_access_list(config, machine);
    struct Row {
        const char* client;
        bool allowed;
    };
    const Row rows[] = {
        {"192.0.2.0", true},     {"192.0.2.63", true},      {"192.0.2.64", false},
        {"2001:db8::1:2", true}, {"2001:db8:0:1::", false}, {"172.18.255.1", true},
        {"172.19.0.0", false},   {"198.51.100.1", true},    {"10.8.0.1", false},
        {"fe80::99%2", true},    {"fe80::99%4", true},      {"fe80::99%5", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.client);
        CHECK(access.allows(peer(row.client)) == row.allowed);
    }
    const auto warnings = access_warnings(config, machine, {});
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find("'absent0'") != std::string::npos);
}

TEST_CASE("a listener that others reach, of whom nobody may ask, is worth a word") {
    conf::Config config;
    const std::vector loopback{at("127.0.0.1:53"), at("[::1]:53")};
    const std::vector outside{at("127.0.0.1:53"), at("0.0.0.0:53")};
    CHECK(access_warnings(config, machine, loopback).empty());
    REQUIRE(access_warnings(config, machine, outside).size() == 1);
    CHECK(access_warnings(config, machine, outside)[0].starts_with("0.0.0.0:53 "));
    config.dns.allow = {net("192.0.2.0/24")};
    CHECK(access_warnings(config, machine, outside).empty());
}

TEST_CASE("a list is handed on when it changes, and only then") {
    asio::io_context context;
    std::vector<Access::List> applied;
    Access access{context, {}, [&](const Access::List& list) { applied.push_back(list); }};
    conf::Config config;
    CHECK(access.configure(config).empty());
    REQUIRE(applied.size() == 1);
    CHECK(applied[0]->allows(peer("127.0.0.1")));
    CHECK_FALSE(applied[0]->allows(peer("198.51.100.1")));
    access.configure(config);
    CHECK(applied.size() == 1);
    config.dns.allow = {net("198.51.100.0/24")};
    access.configure(config);
    REQUIRE(applied.size() == 2);
    CHECK(applied[1]->allows(peer("198.51.100.1")));
}
