#include "conf/load.h"
#include "dns/zone/vips.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace meshgate;
using dns::zone::VipState;

namespace {

using dns::zone::VipClaim;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds noon{seconds{1795521600}};  // 2026-11-24T12:00:00Z

conf::IpAddress address(const char* text) {
    return conf::IpAddress::parse(text).value();
}

conf::Vip vip_of(const std::string& toml) {
    return conf::parse("[vip]\n" + toml, "test.toml").config.vip;
}

/// "a", or "a!240.0.0.9" with a pin; "MeshService/a" is of that kind. The line is its place.
std::vector<VipClaim> claims(std::initializer_list<const char*> words) {
    std::vector<VipClaim> out;
    for (const std::string word : words) {
        VipClaim claim;
        const auto pin = word.find('!');
        claim.key = word.substr(0, pin);
        claim.what = "service '" + claim.key + "'";
        if (claim.key.starts_with("MeshService/")) claim.kind = conf::ServiceKind::mesh_service;
        if (pin != word.npos) claim.pin4 = address(word.c_str() + pin + 1);
        claim.where = {"test.toml", static_cast<std::uint32_t>(out.size() + 1), 1};
        out.push_back(claim);
    }
    return out;
}

/// "240.0.0.0 240.0.0.1"
std::string in_words(const dns::zone::Allocation& allocation) {
    std::string text;
    for (const auto& grant : allocation.grants) {
        if (!text.empty()) text += ' ';
        text += grant.address4.to_string();
    }
    return text;
}

dns::zone::Allocation allocate(std::initializer_list<const char*> words, const VipState& kept = {},
                               const std::string& vip = "", sys_seconds now = noon) {
    return dns::zone::allocate(claims(words), vip_of(vip), kept, now);
}

}  // namespace

TEST_CASE("the lowest free addresses are given in the order of the file, from the range's first") {
    CHECK(in_words(allocate({"b", "a", "c"})) == "240.0.0.0 240.0.0.1 240.0.0.2");
}

TEST_CASE("each kind has its range, and the classic one leaves those of the others alone") {
    CHECK(in_words(allocate({"a", "MeshService/a", "b", "MeshService/b"})) ==
          "240.0.0.0 241.0.0.0 240.0.0.1 241.0.0.1");
    const std::string vip = "ipv4 = \"10.0.0.0/24\"\nmesh_service = \"10.0.0.1/32\"\n";
    CHECK(in_words(allocate({"a", "b", "MeshService/a"}, {}, vip)) == "10.0.0.0 10.0.0.2 10.0.0.1");
}

TEST_CASE("an address stays with its name whatever comes before it in the file") {
    const auto first = allocate({"a", "b"});
    const auto second = allocate({"new", "b", "a"}, first.state);
    CHECK(in_words(second) == "240.0.0.2 240.0.0.1 240.0.0.0");
}

TEST_CASE("more than can rest: the oldest are forgotten, however many at once") {
    constexpr std::size_t rest_at_most = 65536, given_up = 200'000;
    VipState kept;
    const auto numbered = [](std::size_t number) {
        return address(("240." + std::to_string(number >> 16) + "." +
                        std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255))
                           .c_str());
    };
    for (std::size_t i = 0; i < given_up; ++i) kept.ipv4.emplace(std::to_string(i), numbered(i));
    kept.resting4.emplace("old", dns::zone::RestingVip{numbered(given_up), noon - seconds{1}});
    const auto after = allocate({"a"}, kept).state;
    CHECK(after.resting4.size() == rest_at_most);
    CHECK_FALSE(after.resting4.contains("old"));
    CHECK(after.resting4.contains("99999"));
}

TEST_CASE("an address that nobody has rests before another gets it") {
    const auto first = allocate({"a", "b"});
    const auto second = allocate({"b", "c"}, first.state, "", noon + seconds{60});
    CHECK(in_words(second) == "240.0.0.1 240.0.0.2");
    REQUIRE(second.state.resting4.contains("a"));
    CHECK(second.state.resting4.at("a").since == noon + seconds{60});
    SUBCASE("who had it gets it again") {
        const auto third = allocate({"b", "c", "a"}, second.state, "", noon + seconds{90000});
        CHECK(in_words(third) == "240.0.0.1 240.0.0.2 240.0.0.0");
        CHECK(third.state.resting4.empty());
    }
    SUBCASE("a second before its time is too early") {
        const auto third = allocate({"b", "c", "d"}, second.state, "", noon + seconds{3659});
        CHECK(in_words(third) == "240.0.0.1 240.0.0.2 240.0.0.3");
    }
    SUBCASE("then it is free") {
        const auto third = allocate({"b", "c", "d"}, second.state, "", noon + seconds{3660});
        CHECK(in_words(third) == "240.0.0.1 240.0.0.2 240.0.0.0");
        CHECK(third.state.resting4.empty());
    }
    SUBCASE("a clock that was set back does not make it rest for ever") {
        const auto third = allocate({"b", "c"}, second.state, "", noon - seconds{86400});
        CHECK(third.state.resting4.at("a").since == noon - seconds{86400});
    }
    SUBCASE("a pin takes it, and says so") {
        const auto third = allocate({"b", "c", "d!240.0.0.0"}, second.state);
        CHECK(in_words(third) == "240.0.0.1 240.0.0.2 240.0.0.0");
        REQUIRE(third.warnings.size() == 1);
        CHECK(third.warnings[0].to_string() ==
              "test.toml:3:1: service 'd' is pinned to 240.0.0.0, which 'a' had until "
              "2026-11-24T12:00:00Z: who still knows it gets the other");
        CHECK(third.state.resting4.empty());
    }
    SUBCASE("without a rest it is free at once") {
        const auto third = allocate({"c", "d", "e"}, second.state, "rest = \"0s\"\n");
        CHECK(in_words(third) == "240.0.0.2 240.0.0.0 240.0.0.1");
    }
}

TEST_CASE("a pin wins over who had the address before, and both are named") {
    VipState kept;
    kept.ipv4 = {{"a", address("240.0.0.0")}};
    const auto allocation = allocate({"a", "b!240.0.0.0"}, kept);
    CHECK(in_words(allocation) == "240.0.0.1 240.0.0.0");
    REQUIRE(allocation.warnings.size() == 1);
    CHECK(allocation.warnings[0].to_string() ==
          "test.toml:1:1: service 'a' had 240.0.0.0, which service 'b' (test.toml:2:1) is pinned "
          "to: it gets another address");
}

TEST_CASE("what one had before it was pinned elsewhere rests, and is its own again") {
    const auto first = allocate({"a", "b"});
    const auto pinned = allocate({"a!10.0.0.1", "b", "c"}, first.state);
    CHECK(in_words(pinned) == "10.0.0.1 240.0.0.1 240.0.0.2");
    CHECK(!pinned.state.ipv4.contains("a"));  // a pin outside of the range is not kept
    REQUIRE(pinned.state.resting4.contains("a"));
    CHECK(in_words(allocate({"a!10.0.0.1", "b", "c", "d"}, pinned.state)) ==
          "10.0.0.1 240.0.0.1 240.0.0.2 240.0.0.3");
    CHECK(in_words(allocate({"a", "b", "c"}, pinned.state)) == "240.0.0.0 240.0.0.1 240.0.0.2");
    const auto within = allocate({"a!240.0.0.9", "b"}, first.state);
    CHECK(in_words(allocate({"a", "b", "c"}, within.state)) == "240.0.0.9 240.0.0.1 240.0.0.2");
}

TEST_CASE("two pins on one address are an error that names both") {
    CHECK_THROWS_WITH_AS(allocate({"a!10.0.0.1", "b!10.0.0.1"}),
                         "test.toml:2:1: service 'b' and service 'a' (test.toml:1:1) are both "
                         "pinned to 10.0.0.1",
                         conf::Error);
}

TEST_CASE("a kept address outside of a changed range is an error that names both") {
    VipState kept;
    kept.ipv4 = {{"a", address("240.0.0.9")}};
    CHECK_THROWS_WITH_AS(
        allocate({"a"}, kept, "ipv4 = \"10.9.0.0/24\"\nstate = \"/var/vips\"\n"),
        "test.toml:1:1: service 'a' has 240.0.0.9 ('a' in /var/vips), which is outside of "
        "10.9.0.0/24 ('vip.ipv4', test.toml:1:1): set the range back, pin the address, or take "
        "the line out of that file for another one",
        conf::Error);
    CHECK(in_words(allocate({"a!240.0.0.9"}, kept, "ipv4 = \"10.9.0.0/24\"\n")) == "240.0.0.9");
    CHECK(in_words(allocate({"b"}, kept, "ipv4 = \"10.9.0.0/24\"\n")) == "10.9.0.0");
}

TEST_CASE("a full range is an error that names both, and what rests in it") {
    const std::string vip = "ipv4 = \"10.9.0.0/31\"\n";
    CHECK_THROWS_WITH_AS(
        allocate({"a", "b", "c"}, {}, vip),
        "test.toml:3:1: no address is left in 10.9.0.0/31 ('vip.ipv4', test.toml:1:1) for service "
        "'c'",
        conf::Error);
    const auto first = allocate({"a", "b"}, {}, vip);
    CHECK_THROWS_WITH_AS(
        allocate({"a", "c"}, first.state, vip),
        "test.toml:2:1: no address is left in 10.9.0.0/31 ('vip.ipv4', test.toml:1:1) for service "
        "'c': 1 rest, the first until 2026-11-24T13:00:00Z ('vip.rest')",
        conf::Error);
}

TEST_CASE("IPv6 addresses are mapped, none, or from their own range") {
    const auto address6 = [](const std::string& vip) {
        const auto found = allocate({"a", "MeshService/b"}, {}, vip).grants[1].address6;
        return found ? found->to_string() : "none";
    };
    CHECK(address6("") == "::ffff:241.0.0.0");
    CHECK(address6("ipv6 = \"none\"\n") == "none");
    CHECK(address6("ipv6 = \"fd00:fd00::/64\"\n") == "fd00:fd00::1");
}

TEST_CASE("the state file gives back what was written") {
    VipState state;
    state.ipv4 = {{"a", address("240.0.0.0")}, {"b_c", address("240.0.0.1")}};
    state.ipv6 = {{"a", address("fd00::1")}};
    state.resting4 = {{"gone", {address("240.0.0.2"), noon}}};
    state.resting6 = {{"gone", {address("fd00::2"), noon}}};
    CHECK(dns::zone::parse_state(dns::zone::to_text(state), "x") == state);
    CHECK(dns::zone::parse_state("", "x") == VipState{});
}

TEST_CASE("a corrupt state file is an error at its line") {
    for (const char* text :
         {"\"a\" = \"240.0.0.0\"\n", "[ipv4]\nrubbish\n", "[ipv4]\n\"a\" = \"x\"\n",
          "[ipv4]\n\"a\" = \"fd00::1\"\n", "[ipv4]\n\"a\" = \"\n",
          "[ipv4]\n\"a\" = \"1.1.1.1\"\n\"b\" = \"1.1.1.1\"\n", "[resting4]\n\"a\" = \"1.1.1.1\"\n",
          "[resting4]\n\"a\" = \"1.1.1.1 since 2026-02-30T00:00:00Z\"\n",
          "[ipv4]\n\"a\" = \"1.1.1.1\"\n[resting4]\n"
          "\"b\" = \"1.1.1.1 since 2026-02-03T00:00:00Z\"\n"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(dns::zone::parse_state(text, "x"), conf::Error);
    }
}

namespace {

/// A folder for a state file, gone at the end.
struct Folder {
    Folder() { REQUIRE(::mkdtemp(name) != nullptr); }
    ~Folder() { std::filesystem::remove_all(name); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] std::string file() const { return std::string{name} + "/vips.toml"; }

    char name[32] = "/tmp/meshgate-vips-XXXXXX";
};

VipState read(const std::string& file, std::size_t faults_wanted = 0) {
    std::vector<conf::Diagnostic> faults;
    VipState state = dns::zone::read_state(file, faults);
    CHECK(faults.size() == faults_wanted);
    return state;
}

}  // namespace

TEST_CASE("the state is written whole, and only when it changed") {
    const Folder folder;
    VipState state;
    state.ipv4 = {{"a", address("240.0.0.0")}};
    dns::zone::write_state(folder.file(), state);
    CHECK(read(folder.file()) == state);
    const auto written = std::filesystem::last_write_time(folder.file());
    dns::zone::write_state(folder.file(), state);
    CHECK(std::filesystem::last_write_time(folder.file()) == written);
    CHECK(read(std::string{folder.name} + "/missing") == VipState{});
    CHECK_FALSE(dns::zone::is_emptied(std::string{folder.name} + "/missing"));
    CHECK_FALSE(dns::zone::is_emptied(folder.file()));
    std::ofstream{folder.name + std::string{"/emptied"}};
    CHECK(dns::zone::is_emptied(std::string{folder.name} + "/emptied"));
    CHECK_THROWS_AS(dns::zone::write_state("/nowhere/at/all", state), std::system_error);
}

TEST_CASE("a half-written file beside it is no state, and in nobody's way") {
    const Folder folder;
    VipState state;
    state.ipv4 = {{"a", address("240.0.0.0")}};
    dns::zone::write_state(folder.file(), state);
    std::ofstream{folder.file() + ".new"} << "[ipv4]\n\"a\" = \"24";
    CHECK(read(folder.file()) == state);
    state.ipv4.emplace("b", address("240.0.0.1"));
    dns::zone::write_state(folder.file(), state);
    CHECK(read(folder.file()) == state);
}

TEST_CASE(
    "a state that was cut off at any byte is what is whole of it, and nobody's address twice") {
    const Folder folder;
    const auto whole = allocate({"a", "b", "c", "d!10.0.0.1"}, allocate({"b", "x"}).state);
    const std::string text = dns::zone::to_text(whole.state);
    for (std::size_t bytes = 0; bytes <= text.size(); ++bytes) {
        CAPTURE(bytes);
        std::ofstream{folder.file(), std::ios::trunc} << text.substr(0, bytes);
        std::vector<conf::Diagnostic> faults;
        const VipState state = dns::zone::read_state(folder.file(), faults);
        CHECK(faults.size() <= 1);
        for (const auto& [key, kept] : state.ipv4) CHECK(whole.state.ipv4.at(key) == kept);
        const auto again = allocate({"a", "b", "c", "d!10.0.0.1"}, state);
        std::set<conf::IpAddress> seen;
        for (const auto& grant : again.grants) CHECK(seen.insert(grant.address4).second);
    }
}

namespace {

/// The rules of allocate(), as slowly as they can be written: who had what, and when it was left.
class Model {
public:
    void see(const std::vector<VipClaim>& claims, const dns::zone::Allocation& got,
             sys_seconds now) {
        std::set<conf::IpAddress> seen;
        for (std::size_t i = 0; i < claims.size(); ++i) {
            const auto& given = got.grants[i].address4;
            CHECK(seen.insert(given).second);
            check_one(claims[i], given, now);
        }
        std::map<std::string, conf::IpAddress> next;
        for (std::size_t i = 0; i < claims.size(); ++i) {
            if (!claims[i].pin4) next.emplace(claims[i].key, got.grants[i].address4);
        }
        for (const auto& [key, address] : has_) {
            const auto still = next.find(key);
            if (still == next.end() || still->second != address) left_[address] = {key, now};
        }
        has_ = std::move(next);
    }

private:
    void check_one(const VipClaim& claim, const conf::IpAddress& given, sys_seconds now) {
        if (claim.pin4) {
            CHECK(given == *claim.pin4);
            left_.erase(given);
            return;
        }
        const auto had = has_.find(claim.key);
        if (had != has_.end()) {
            CHECK(given == had->second);
            return;
        }
        const auto left = left_.find(given);
        if (left == left_.end()) return;
        const bool is_his = left->second.first == claim.key;
        CHECK((is_his || now - left->second.second >= seconds{100}));
        left_.erase(left);
    }

    std::map<std::string, conf::IpAddress> has_;  ///< without pins
    std::map<conf::IpAddress, std::pair<std::string, sys_seconds>> left_;
};

}  // namespace

TEST_CASE("addresses of random services that come, go and are pinned keep the rules") {
    const int steps = std::getenv("MESHGATE_FULL") != nullptr ? 100000 : 5000;
    std::mt19937 random{7};
    const auto vip = vip_of("ipv4 = \"10.0.0.0/25\"\nrest = \"100s\"\n");
    Model model;
    VipState kept;
    sys_seconds now = noon;
    for (int step = 0; step < steps; ++step) {
        std::vector<VipClaim> claims;
        for (int name = 0; name < 12; ++name) {
            if (random() % 3 == 0) continue;
            VipClaim claim;
            claim.key = std::string(1, static_cast<char>('a' + name));
            if (name == 0 && step % 50 > 25) claim.pin4 = address("192.0.2.9");
            claims.push_back(claim);
        }
        std::shuffle(claims.begin(), claims.end(), random);
        const auto got = dns::zone::allocate(claims, vip, kept, now);
        model.see(claims, got, now);
        kept = dns::zone::parse_state(dns::zone::to_text(got.state), "x");
        now += seconds{random() % 60};
    }
}
