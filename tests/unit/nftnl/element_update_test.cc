// Changes of map elements, in the kernel: what is not named stays, what is named is whole.

#include "namespace.h"

#include "netfilter/nftnl/kernel.h"
#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

constexpr const char* classes = "vip_tcp4";
constexpr const char* endpoints = "vip_tcp4_endpoints";

conf::IpAddress ip(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

conf::IpAddress vip(std::size_t number) {
    const std::array<std::uint8_t, 4> bytes{240, static_cast<std::uint8_t>(number >> 16),
                                            static_cast<std::uint8_t>(number >> 8),
                                            static_cast<std::uint8_t>(number)};
    return conf::IpAddress::ipv4(bytes);
}

VipSlot slot(std::size_t number, std::uint32_t at, Port port = 8080) {
    return {vip(number), 80, at, ip("192.0.2.10"), port};
}

/// So many VIPs with two slots each.
Ruleset vips(std::size_t count) {
    Ruleset ruleset{.table = "meshgate", .sets = {}, .chains = {}};
    for (const std::uint32_t slots : {1U, 2U, 3U}) {
        const DnatToSlot dnat{Family::ipv4, Protocol::tcp, SlotChoice::random, slots, endpoints};
        ruleset.chains.push_back(
            {"vip_random_" + std::to_string(slots), std::nullopt, {{{}, uncounted, dnat, ""}}});
    }
    ruleset.chains.push_back({"output",
                              BaseChain{ChainType::nat, Hook::output, -105},
                              {{{}, uncounted, ToClass{Family::ipv4, Protocol::tcp, classes}, ""}}});
    ClassMap to{classes, "", Family::ipv4, {}};
    EndpointMap map{endpoints, "", Family::ipv4, Protocol::tcp, {}};
    for (std::size_t i = 0; i < count; ++i) {
        to.elements.push_back({vip(i), 80, "vip_random_2"});
        for (const std::uint32_t at : {0U, 1U}) map.elements.push_back(slot(i, at));
    }
    ruleset.class_maps = {to};
    ruleset.endpoint_maps = {map};
    return ruleset;
}

Ownership mark(const Ruleset& ruleset) {
    return {.format = 1, .version = "0.1.0", .digest = digest(ruleset)};
}

void replace(Kernel& kernel, const Ruleset& ruleset) {
    kernel.replace(ruleset, mark(ruleset));
}

Ruleset installed() {
    const auto found = Kernel{}.read("meshgate");
    REQUIRE(found.has_value());
    CHECK(found->unknown.empty());
    return found->ruleset;
}

/// How often the table was made: its handle is another one then.
std::string handle_of_table() {
    return output_of("nft -a list tables");
}

VipUpdate update(std::size_t number, std::uint32_t slots, Port port = 8080) {
    VipUpdate made{classes, endpoints,
                   {vip(number), 80, "vip_random_" + std::to_string(slots)}, {}};
    for (std::uint32_t at = 0; at < slots; ++at) made.slots.push_back(slot(number, at, port));
    return made;
}

}  // namespace

TEST_CASE("as many elements as a message cannot hold are all there") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto many = vips(20'000);
    replace(kernel, many);
    CHECK(installed() == many);
}

TEST_CASE("what differs in maps is changed, and the table stays") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto before = vips(5);
    replace(kernel, before);
    const auto handle = handle_of_table();
    for (const std::size_t count : {1U, 5U, 4'000U, 0U, 2U}) {
        CAPTURE(count);
        auto after = vips(count);
        if (count > 0) {
            after.class_maps[0].elements[0].chain = "vip_random_1";
            after.endpoint_maps[0].elements.erase(after.endpoint_maps[0].elements.begin() + 1);
            after.endpoint_maps[0].elements[0].endpoint_port = 1;
        }
        if (count % 2 == 0) kernel.read("meshgate");  // what was seen before is of use, or old
        replace(kernel, after);
        CHECK(installed() == after);
    }
    CHECK(handle_of_table() == handle);
}

TEST_CASE("what was seen before somebody changed it is not believed") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto planned = vips(3);
    replace(kernel, planned);
    kernel.read("meshgate");
    const std::vector<VipUpdate> theirs{update(1, 3, 9)};
    Kernel{}.update_vips("meshgate", theirs);
    replace(kernel, planned);
    CHECK(installed() == planned);
}

TEST_CASE("single ports of VIPs become what is said, whatever they were") {
    enter_fresh_namespace();
    Kernel kernel;
    auto expected = vips(4);
    replace(kernel, expected);
    const std::vector<VipUpdate> updates{update(0, 1, 9000), update(2, 3), update(9, 2, 7)};
    kernel.update_vips("meshgate", updates);
    kernel.update_vips("meshgate", updates);  // nothing to do is fine
    auto& to = expected.class_maps[0].elements;
    to[0].chain = "vip_random_1";
    to[2].chain = "vip_random_3";
    to.push_back({vip(9), 80, "vip_random_2"});
    expected.endpoint_maps[0].elements = {slot(0, 0, 9000), slot(1, 0),    slot(1, 1), slot(2, 0),
                                          slot(2, 1),       slot(2, 2),    slot(3, 0), slot(3, 1),
                                          slot(9, 0, 7),    slot(9, 1, 7)};
    CHECK(installed() == expected);
}

TEST_CASE("an update of what is not there changes nothing") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto planned = vips(2);
    const std::vector<VipUpdate> none{update(0, 1)};
    CHECK_THROWS_AS(kernel.update_vips("meshgate", none), KernelError);
    replace(kernel, planned);
    auto wrong = update(0, 1);
    wrong.to_class.chain = "nowhere";
    const std::vector<VipUpdate> updates{update(1, 1), wrong};
    CHECK_THROWS_AS(kernel.update_vips("meshgate", updates), KernelError);
    CHECK(installed() == planned);
}

TEST_CASE("elements of maps are changed with those of sets for who holds the table") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto before = vips(3), after = vips(2);
    replace(kernel, before);
    CHECK(kernel.update_elements(before, after));
    CHECK(installed() == after);
    auto other = after;
    other.class_maps.clear();
    CHECK_FALSE(kernel.update_elements(after, other));
    CHECK(installed() == after);
}

TEST_CASE("an update costs the same whatever the size of the maps") {
    struct Costs {
        double endpoint, to_class;
    };
    const auto costs_with = [](std::size_t count) {
        enter_fresh_namespace();
        Kernel kernel;
        replace(kernel, vips(count));
        const auto least = [&kernel](bool changes_class) {
            auto found = std::chrono::steady_clock::duration::max();
            for (Port port = 1; port <= 300; ++port) {
                const std::uint32_t slots = changes_class ? 1 + port % 2 : 2;
                const std::vector<VipUpdate> updates{update(0, slots, port)};
                const auto start = std::chrono::steady_clock::now();
                kernel.update_vips("meshgate", updates);
                found = std::min(found, std::chrono::steady_clock::now() - start);
            }
            return std::chrono::duration<double, std::micro>(found).count();
        };
        return Costs{.endpoint = least(false), .to_class = least(true)};
    };
    const auto few = costs_with(10), many = costs_with(20'000);
    MESSAGE("an update takes " << few.endpoint << " us with 10 VIPs, " << many.endpoint
                               << " us with 20,000; to another class " << few.to_class << " and "
                               << many.to_class);
    CHECK(many.endpoint < 2 * few.endpoint);
    CHECK(many.to_class < 2 * few.to_class);
}
