#include "conf/load.h"
#include "dns/zone/vips.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>

using namespace meshgate;
using dns::zone::VipState;

namespace {

conf::Config config_of(const std::string& text) {
    return conf::parse(text, "test.toml").config;
}

std::string services(std::initializer_list<const char*> names) {
    std::string text;
    for (const char* name : names) text += "[[service]]\nname = \"" + std::string{name} + "\"\n";
    return text;
}

/// "a=240.0.0.0 b=240.0.0.1"
std::string in_words(const dns::zone::Allocation& allocation) {
    std::string text;
    for (const auto& service : allocation.services) {
        if (!text.empty()) text += ' ';
        text += service.name + '=' + service.address4->to_string();
    }
    return text;
}

conf::IpAddress address(const char* text) {
    return conf::IpAddress::parse(text).value();
}

}  // namespace

TEST_CASE("services get the lowest free addresses in file order, from the range's first") {
    CHECK(in_words(dns::zone::allocate(config_of(services({"b", "a", "c"})), {})) ==
          "b=240.0.0.0 a=240.0.0.1 c=240.0.0.2");
}

TEST_CASE("an address stays with its service whatever comes before it in the file") {
    const auto first = dns::zone::allocate(config_of(services({"a", "b"})), {});
    const auto second = dns::zone::allocate(config_of(services({"new", "b", "a"})), first.state);
    CHECK(in_words(second) == "new=240.0.0.2 b=240.0.0.1 a=240.0.0.0");
    const auto third = dns::zone::allocate(config_of(services({"b", "other"})), second.state);
    CHECK(in_words(third) == "b=240.0.0.1 other=240.0.0.0");
}

TEST_CASE("a pin wins over who had the address before") {
    const std::string text =
        services({"a"}) + "[[service]]\nname = \"b\"\naddress = \"240.0.0.0\"\n";
    VipState kept;
    kept.ipv4 = {{"a", address("240.0.0.0")}};
    const auto allocation = dns::zone::allocate(config_of(text), kept);
    CHECK(in_words(allocation) == "a=240.0.0.1 b=240.0.0.0");
    REQUIRE(allocation.warnings.size() == 1);
    CHECK(allocation.warnings[0].to_string() ==
          "test.toml:1:1: service 'a' had 240.0.0.0, which another service is pinned to: it gets "
          "another address");
}

TEST_CASE("a twin that another service is called is not given, and said") {
    const auto allocation = dns::zone::allocate(config_of(services({"a_b", "a.b"})), {});
    REQUIRE(allocation.warnings.size() == 1);
    CHECK(allocation.warnings[0].to_string() ==
          "test.toml:1:1: service 'a_b' does not get the name 'a.b': it belongs to service 'a.b' "
          "(test.toml:3:1)");
}

TEST_CASE("a kept address outside a changed range is given up, and said") {
    VipState kept;
    kept.ipv4 = {{"a", address("240.0.0.9")}};
    const auto allocation =
        dns::zone::allocate(config_of("[vip]\nipv4 = \"10.9.0.0/24\"\n" + services({"a"})), kept);
    CHECK(in_words(allocation) == "a=10.9.0.0");
    REQUIRE(allocation.warnings.size() == 1);
    CHECK(allocation.warnings[0].message.find("240.0.0.9") != std::string::npos);
}

TEST_CASE("a full range is an error that names the service") {
    CHECK_THROWS_WITH_AS(
        dns::zone::allocate(
            config_of("[vip]\nipv4 = \"10.9.0.0/31\"\n" + services({"a", "b", "c"})), {}),
        "test.toml:7:1: no address is left in 10.9.0.0/31 for service 'c'", conf::Error);
}

TEST_CASE("IPv6 addresses are mapped, none, or from their own range") {
    const auto address6 = [](const std::string& vip) {
        const auto allocation = dns::zone::allocate(config_of(vip + services({"a", "b"})), {});
        const auto& found = allocation.services[1].address6;
        return found ? found->to_string() : "none";
    };
    CHECK(address6("") == "::ffff:240.0.0.1");
    CHECK(address6("[vip]\nipv6 = \"none\"\n") == "none");
    CHECK(address6("[vip]\nipv6 = \"fd00:fd00::/64\"\n") == "fd00:fd00::1");
}

TEST_CASE("the state file gives back what was written") {
    VipState state;
    state.ipv4 = {{"a", address("240.0.0.0")}, {"b_c", address("240.0.0.1")}};
    state.ipv6 = {{"a", address("fd00::1")}};
    CHECK(dns::zone::parse_state(dns::zone::to_text(state), "x") == state);
    CHECK(dns::zone::parse_state("", "x") == VipState{});
}

TEST_CASE("a corrupt state file is an error at its line") {
    for (const char* text :
         {"\"a\" = \"240.0.0.0\"\n", "[ipv4]\nrubbish\n", "[ipv4]\n\"a\" = \"x\"\n",
          "[ipv4]\n\"a\" = \"fd00::1\"\n", "[ipv4]\n\"a\" = \"\n",
          "[ipv4]\n\"a\" = \"1.1.1.1\"\n\"b\" = \"1.1.1.1\"\n"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(dns::zone::parse_state(text, "x"), conf::Error);
    }
}

TEST_CASE("the state is written whole, and only when it changed") {
    char folder[] = "/tmp/meshgate-vips-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    const std::filesystem::path file = std::filesystem::path{folder} / "vips.toml";
    VipState state;
    state.ipv4 = {{"a", address("240.0.0.0")}};
    dns::zone::write_state(file, state);
    CHECK(dns::zone::read_state(file) == state);
    const auto written = std::filesystem::last_write_time(file);
    dns::zone::write_state(file, state);
    CHECK(std::filesystem::last_write_time(file) == written);
    CHECK(dns::zone::read_state(std::filesystem::path{folder} / "missing") == VipState{});
    CHECK_THROWS_AS(dns::zone::write_state("/nowhere/at/all", state), std::system_error);
    std::filesystem::remove_all(folder);
}
