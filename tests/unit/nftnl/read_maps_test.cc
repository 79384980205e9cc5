// Large maps of VIPs are asked for key by key: what they have is read all the same, whatever it is.

#include "namespace.h"
#include "vip_rulesets.h"

#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/read.h"
#include "netfilter/nftnl/read_maps.h"

#include <linux/netlink.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

constexpr std::size_t many = lookups_pay_from / 2 + 500;  // of two slots each

struct Reading {
    std::vector<VipSlot> slots;
    std::uint64_t datagrams = 0;
};

Reading read() {
    Netlink netlink{NETLINK_NETFILTER};
    const auto found = read_table(netlink, "meshgate");
    REQUIRE(found.has_value());
    CHECK(found->unknown.empty());
    return {.slots = found->ruleset.endpoint_maps.at(0).elements,
            .datagrams = netlink.traffic().datagrams};
}

std::string element(const VipSlot& one) {
    return one.address.to_string() + " . " + std::to_string(one.port) + " . " +
           std::to_string(one.slot);
}

std::string value(const VipSlot& one) {
    return " : " + one.endpoint.to_string() + " . " + std::to_string(one.endpoint_port);
}

void nft(const std::string& verb, const std::string& words) {
    output_of("nft " + verb + " element inet meshgate " + std::string{endpoints} + " '{ " + words +
              " }'");
}

struct Case {
    std::string name;
    bool by_key;  ///< where the kernel says how many there are
    std::function<void(std::vector<VipSlot>&)> change;  ///< of the kernel's map and of these alike
};

void remove(std::vector<VipSlot>& slots, std::size_t at) {
    nft("delete", element(slots[at]));
    slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(at));
}

void add(std::vector<VipSlot>& slots, const VipSlot& one) {
    nft("add", element(one) + value(one));
    slots.insert(std::ranges::lower_bound(slots, one, key_order), one);
}

const std::vector<Case> cases{
    {"as planned", true, [](auto&) {}},
    {"the first is missing", true, [](auto& slots) { remove(slots, 0); }},
    {"the last is missing", true, [](auto& slots) { remove(slots, slots.size() - 1); }},
    {"neighbours are missing", true,
     [](auto& slots) {
         for (int i = 0; i < 3; ++i) remove(slots, 63);
     }},
    {"another value", true,
     [](auto& slots) {
         auto other = slots[100];
         other.endpoint_port = 1;
         remove(slots, 100);
         add(slots, other);
     }},
    {"a slot that no rule draws", false, [](auto& slots) { add(slots, slot(7, 9)); }},
    {"a VIP without a class", false, [](auto& slots) { add(slots, slot(many + 7, 0)); }},
    {"one too many in the place of one", false,
     [](auto& slots) {
         remove(slots, 1000);
         add(slots, slot(many + 7, 0));
     }},
};

}  // namespace

TEST_CASE("what is in a large map is read, whether it was expected or not") {
    bool has_counts = true;
    for (const auto& [name, by_key, change] : cases) {
        CAPTURE(name);
        enter_fresh_namespace();
        const auto planned = vips(many);
        Kernel{}.replace(planned, mark(planned));
        auto slots = planned.endpoint_maps[0].elements;
        change(slots);
        const auto found = read();
        CHECK((found.slots == slots));
        const bool was_by_key = found.datagrams > slots.size();
        if (name == cases.front().name) has_counts = was_by_key;
        CHECK(was_by_key == (by_key && has_counts));
    }
}

TEST_CASE("the keys of a map are those that the rules need") {
    auto rules = vips(3);
    const auto& map = rules.endpoint_maps[0];
    CHECK(expected_keys(rules, map, 100).size() == 6);
    rules.class_maps[0].elements[1].chain = "vip_random_3";
    CHECK(expected_keys(rules, map, 100).size() == 7);
    CHECK(expected_keys(rules, map, 100).at(4).slot == 2);
    CHECK(expected_keys(rules, map, 4).size() == 4);  // the VIP of three does not fit
    rules.class_maps[0].elements[1].chain = "nowhere";
    CHECK(expected_keys(rules, map, 100).size() == 4);
    auto other = map;
    other.protocol = Protocol::udp;
    CHECK(expected_keys(rules, other, 100).empty());
}
