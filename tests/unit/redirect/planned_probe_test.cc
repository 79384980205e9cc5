#include "src/meshgate-redirect/probing/planned_probe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;

namespace {

conf::IpAddress probe_ip(const char* text) {
    return *conf::IpAddress::parse(text);
}

ProbeGround probe_ground(bool ipv6 = true) {
    ProbeGround ground;
    ground.interface = "mgprobe1";
    ground.here = {{conf::Family::ipv4, probe_ip("192.0.2.1")}};
    ground.there = {{conf::Family::ipv4, probe_ip("192.0.2.2")}};
    if (ipv6) {
        ground.here[conf::Family::ipv6] = probe_ip("2001:db8:6d67::1");
        ground.there[conf::Family::ipv6] = probe_ip("2001:db8:6d67::2");
    }
    ground.is_local = [](const conf::IpAddress& address) {
        return address.is_loopback() || address == probe_ip("192.0.2.1") ||
               address == probe_ip("2001:db8:6d67::1");
    };
    ground.leaves_by_loopback = [](const conf::IpAddress&) { return true; };
    return ground;
}

/// "TCP from an application (user 65534) to 192.0.2.2:80: 15001"
std::vector<std::string> probe_lines(const conf::Config& config, const netfilter::Host& host,
                               const ProbeGround& where) {
    const auto plan = netfilter::plan(config, host);
    std::vector<std::string> out;
    for (const auto& probe : plan_probes(plan.ruleset, config, host, where).list) {
        out.push_back(
            to_text(probe) + ": " +
            (probe.redirected_to ? std::to_string(*probe.redirected_to) : "straight") +
            (probe.is_led_there ? ", led there" : ""));
    }
    return out;
}

}  // namespace

TEST_CASE("every path of a policy has its probe") {
    conf::Config config;
    config.redirect.ip_family = conf::IpFamilyMode::ipv4;
    config.redirect.inbound.exclude_ports = {{22, 22}};
    config.redirect.outbound.exclude_ports = {{3306, 3306}};
    config.redirect.outbound.exclude_destinations = {*conf::Cidr::parse("10.0.0.0/8")};
    config.redirect.dns.enabled = true;
    config.redirect.dns.protocols = {conf::Protocol::udp};
    config.services.emplace_back();
    config.services[0].name = "backend";
    config.vip.mesh_service = config.vip.ipv4;
    netfilter::Host host;
    host.exempt_users = {{1001, 1009}};
    host.nameservers = {{probe_ip("9.9.9.9"), 53, ""}};
    auto where = probe_ground();
    CHECK(probe_lines(config, host, where) ==
          std::vector<std::string>{
              "TCP from an application (user 65534) to 192.0.2.2:7080: 15001",
              "UDP from an application (user 65534) to 192.0.2.2:7080: straight",
              "TCP from the proxy (user 5678) to 192.0.2.2:7080: straight",
              "TCP from an exempt user (user 1001) to 192.0.2.2:7080: straight",
              "TCP from an application (user 65534) to 192.0.2.2:3306: straight",
              "TCP from an application (user 65534) to 10.0.0.0:7080: straight, led there",
              "TCP from an application (user 65534) to 255.255.255.254:7080: 15001",
              "TCP from an application (user 65534) to 192.0.2.1:7080: straight",
              "TCP from the proxy (user 5678) to 192.0.2.1:7080: 15006",
              "TCP from the proxy (user 5678) to 127.0.0.1:7080: straight",
              "TCP from the proxy, for somebody outside (user 5678) to 192.0.2.1:7080: straight",
              "TCP from somebody outside to 192.0.2.1:7080: 15006",
              "TCP from somebody outside to 192.0.2.1:22: straight",
              "DNS over UDP from an application (user 65534) to 192.0.2.2:53: straight",
              "DNS over UDP from the proxy (user 5678) to 192.0.2.2:53: straight",
              "DNS over UDP from an application (user 65534) to 9.9.9.9:53: 15053, led there",
              "DNS over UDP from the proxy (user 5678) to 9.9.9.9:53: straight, led there",
              "DNS over TCP from an application (user 65534) to 192.0.2.2:53: straight",
              "DNS over TCP from the proxy (user 5678) to 192.0.2.2:53: straight",
              "DNS over TCP from an application (user 65534) to 9.9.9.9:53: straight, led there",
              "DNS over TCP from the proxy (user 5678) to 9.9.9.9:53: straight, led there",
              "DNS over UDP for backend.mesh from an application (user 65534) to 9.9.9.9:53: "
              "15053, led there",
          });
}

TEST_CASE("both families are probed, and one that is off is said") {
    const conf::Config config;
    const netfilter::Host host;
    const auto both = probe_lines(config, host, probe_ground());
    const auto is6 = [](const std::string& line) { return line.find('[') != line.npos; };
    CHECK(std::ranges::count_if(both, is6) > 5);
    const auto rules = netfilter::plan(config, host).ruleset;
    const auto one = plan_probes(rules, config, host, probe_ground(false));
    REQUIRE(one.left_out.size() == 1);
    CHECK(one.left_out[0].starts_with("IPv6: it is off"));
}

TEST_CASE("what another route would lead to somebody is led away") {
    conf::Config config;
    config.redirect.ip_family = conf::IpFamilyMode::ipv4;
    auto where = probe_ground();
    where.leaves_by_loopback = [](const conf::IpAddress&) { return false; };
    const auto list = probe_lines(config, {}, where);
    CHECK(std::ranges::count(list, "TCP from an application (user 65534) to 255.255.255.254:7080: 15001, "
                                   "led there") == 1);
}

TEST_CASE("the application is a user that no rule names") {
    netfilter::Host host;
    host.exempt_users = {{65534, 65536}};
    const auto rules = netfilter::plan({}, host).ruleset;
    CHECK(application_user(rules) == 65537);
    host.exempt_users = {};
    host.exempt_groups = {{65534, 65534}};  // the group of the same number is exempt
    CHECK(application_user(netfilter::plan({}, host).ruleset) == 65535);
    host.exempt_groups = {};
    CHECK(application_user(netfilter::plan({}, host).ruleset) == 65534);
}

TEST_CASE("a port that is captured is found where only some are") {
    conf::Config config;
    config.redirect.ip_family = conf::IpFamilyMode::ipv4;
    config.redirect.inbound.include_ports = {{9090, 9091}};
    config.redirect.outbound.include_ports = {{8443, 8443}};
    const auto list = probe_lines(config, {}, probe_ground());
    CHECK(list[0] == "TCP from an application (user 65534) to 192.0.2.2:8443: 15001");
    CHECK(std::ranges::count(list, "TCP from somebody outside to 192.0.2.1:9090: 15006") == 1);
}

TEST_CASE("what a client behind an interface sends is probed on each of its ways") {
    conf::Config config;
    config.redirect.ip_family = conf::IpFamilyMode::ipv4;
    config.redirect.outbound.exclude_ports = {{3306, 3306}};
    config.redirect.dns.enabled = true;
    config.redirect.dns.protocols = {conf::Protocol::udp};
    config.redirect.networks = {{"docker0", {*conf::Cidr::parse("172.17.0.0/16")}, {}}};
    config.services.emplace_back();
    config.services[0].name = "backend";
    auto where = probe_ground();
    where.clients = {{"docker0", probe_ip("172.17.255.254"), probe_ip("172.17.0.1")}};
    where.is_local = [](const conf::IpAddress& address) {
        return address == probe_ip("192.0.2.1") || address == probe_ip("172.17.0.1");
    };
    std::vector<std::string> of_clients;
    for (auto& line : probe_lines(config, {}, where)) {
        if (line.find("client") != line.npos) of_clients.push_back(std::move(line));
    }
    CHECK(of_clients ==
          std::vector<std::string>{
              "TCP from a client behind docker0 to 192.0.2.2:7080: 15001",
              "UDP from a client behind docker0 to 192.0.2.2:7080: straight",
              "TCP from a client behind docker0 to 192.0.2.2:3306: straight",
              "TCP from a client behind docker0 to 172.17.0.1:7080: 15006",
              "DNS over UDP from a client behind docker0 to 192.0.2.2:53: 15053",
              "DNS over TCP from a client behind docker0 to 192.0.2.2:53: straight",
              "DNS over UDP for backend.mesh from a client behind docker0 to 192.0.2.2:53: 15053",
          });
}
