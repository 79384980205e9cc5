#include "conf/load.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate::conf;

namespace {

std::string error_of(std::string_view text) {
    try {
        parse(text, "x.toml");
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("an empty file is the defaults, and they are kumactl's") {
    const Config config = parse("", "x.toml").config;
    CHECK(config == Config{});
    CHECK(config.mesh.domains == std::vector<std::string>{"mesh", "mesh.local"});
    CHECK(config.mesh.ttl == 30);
    CHECK(config.redirect.inbound.port == 15006);
    CHECK(config.redirect.outbound.port == 15001);
    CHECK(config.redirect.inbound.enabled);
    CHECK_FALSE(config.redirect.dns.enabled);
    CHECK(config.redirect.dns.protocols == std::vector{Protocol::udp});
    CHECK(config.redirect.dns.capture == DnsCaptureMode::resolv_conf);
    CHECK(config.vip.ipv4.to_string() == "240.0.0.0/4");
    CHECK(config.dns.cache_bytes == 64U << 20U);
}

TEST_CASE("words become typed values") {
    const Config config = parse(R"(
[mesh]
domains = ["Mesh."]
ttl = "5m"
[proxy]
user = "kuma-dp"
exempt_users = ["postgres", 1001, "2000-2999", 4294967294]
[redirect.outbound]
exclude_ports = ["8000-8100", 9999, "22"]
exclude = [{ users = 7, protocols = "udp" }]
[dns]
listen = ["docker0:53"]
upstreams = ["dns.example", "[::1]:5300"]
cache = "1GiB"
[[service]]
name = "Web_Api"
address = ["fd00::1", "10.0.0.1"]
endpoints = ["host.example:80"]
tags = { version = "v1" }
)",
                                "x.toml")
                              .config;
    CHECK(config.mesh.domains == std::vector<std::string>{"mesh"});
    CHECK(config.mesh.ttl == 300);
    CHECK(std::get<std::string>(config.proxy.user.at(0).who) == "kuma-dp");
    REQUIRE(config.proxy.exempt_users.size() == 4);
    CHECK(std::get<UidRange>(config.proxy.exempt_users[2].who) == UidRange{2000, 2999});
    CHECK(std::get<UidRange>(config.proxy.exempt_users[3].who).last == 4294967294);
    CHECK(config.proxy.exempt_users[0].where.to_string() == "x.toml:7:17");
    CHECK(config.redirect.outbound.exclude_ports ==
          std::vector<PortRange>{{8000, 8100}, {9999, 9999}, {22, 22}});
    CHECK(config.redirect.outbound.exclude.at(0).protocols == std::vector{Protocol::udp});
    CHECK(std::get<InterfacePort>(config.dns.listen.at(0)) == InterfacePort{"docker0", 53});
    CHECK(std::get<HostUpstream>(config.dns.upstreams.at(0)) == HostUpstream{"dns.example", 53});
    CHECK(std::get<SocketAddress>(config.dns.upstreams.at(1)).to_string() == "[::1]:5300");
    CHECK(config.dns.cache_bytes == 1U << 30U);
    CHECK(config.services.at(0).name == "web_api");
    CHECK(config.services.at(0).address4->to_string() == "10.0.0.1");
    CHECK(config.services.at(0).address6->to_string() == "fd00::1");
}

TEST_CASE("several users of the proxy; groups and marks") {
    const Config config = parse("[proxy]\nuser = [\"kuma-dp\", 5679]\n"
                                "exempt_groups = [\"postgres\", 1001, \"2000-2999\"]\n"
                                "exempt_marks = [0x539, \"0X53a/0xfff\", \"16/0x10\", 4294967295]",
                                "x.toml")
                              .config;
    REQUIRE(config.proxy.user.size() == 2);
    CHECK(std::get<std::string>(config.proxy.user[0].who) == "kuma-dp");
    CHECK(config.proxy.user[1].where.to_string() == "x.toml:2:20");
    REQUIRE(config.proxy.exempt_groups.size() == 3);
    CHECK(std::get<std::string>(config.proxy.exempt_groups[0].who) == "postgres");
    CHECK(std::get<GidRange>(config.proxy.exempt_groups[2].who) == GidRange{2000, 2999});
    CHECK(config.proxy.exempt_marks == std::vector<MaskedMark>{{0x539},
                                                               {0x53a, 0xfff},
                                                               {16, 16},
                                                               {4294967295}});
}

TEST_CASE(
    "without a proxy nothing is captured, unless it is asked for, and then that is an error") {
    const Config config = parse("[proxy]\nenabled = false\n", "x.toml").config;
    CHECK_FALSE(config.redirect.inbound.enabled);
    CHECK_FALSE(config.redirect.outbound.enabled);
    CHECK(contradictions(config).empty());
    CHECK(error_of("[proxy]\nenabled = false\n[redirect.inbound]\nenabled = true\n")
              .starts_with("x.toml:4:1: "));
}

TEST_CASE("flags can bring contradictions of their own") {
    Config config;
    config.redirect.inbound.include_ports = {{80, 80}};
    config.redirect.inbound.exclude_ports = {{22, 22}};
    CHECK(contradictions(config).size() == 1);
}

TEST_CASE("a service without endpoints is worth a warning, no more") {
    const Loaded loaded = parse("[[service]]\nname = \"a\"\n", "x.toml");
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(loaded.warnings[0].to_string() ==
          "x.toml:1:1: service 'a' has no endpoints: its name resolves all the same");
}

TEST_CASE("files are read whatever their line ends, and refused when they are no text") {
    CHECK(error_of("[mesh]\r\nttl = \"5m\"\r\n").empty());
    CHECK(error_of("\xEF\xBB\xBF[mesh]\nttl = \"5m\"\n").empty());
    CHECK_FALSE(error_of("[mesh]\nttl = \"\xff\xfe\"\n").empty());
    CHECK_FALSE(error_of(std::string_view{"a\0b = 1\n", 8}).empty());
}

TEST_CASE("what a message quotes from the file is printable") {
    CHECK(error_of("[mesh]\ndomains = \"a\\u0007b\"\n") ==
          "x.toml:2:11: 'mesh.domains': 'a\\x07b' is not a domain name such as \"mesh\"");
}

TEST_CASE("a missing file is an error only when it was named") {
    CHECK_THROWS_WITH_AS(load("/nowhere/meshgate.toml"),
                         "/nowhere/meshgate.toml: No such file or directory", Error);
    CHECK_THROWS_WITH_AS(load("/"), "/: is a directory", Error);
    CHECK_THROWS_AS(load_or_default("/nowhere/meshgate.toml"), Error);
}
