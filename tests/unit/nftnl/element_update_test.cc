// Changes of map elements, in the kernel: what is not named stays, what is named is whole.

#include "namespace.h"
#include "vip_rulesets.h"

#include "netfilter/nftnl/element_update.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"

#include <linux/netlink.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

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

TEST_CASE("what somebody changes is seen by who has read it before") {
    enter_fresh_namespace();
    Kernel kernel;
    auto expected = vips(3);
    replace(kernel, expected);
    for (int time = 0; time < 2; ++time) CHECK(kernel.read("meshgate")->ruleset == expected);
    output_of("nft delete element inet meshgate " + std::string{endpoints} +
              " '{ 240.0.0.2 . 80 . 1 }'");
    expected.endpoint_maps[0].elements.pop_back();
    CHECK(kernel.read("meshgate")->ruleset == expected);
    output_of("nft delete table inet meshgate");
    CHECK_FALSE(kernel.read("meshgate").has_value());
}

TEST_CASE("a record is whole, however many its elements, or it is not there") {
    enter_fresh_namespace();
    Kernel kernel;
    auto record = vips(20'000);
    record.table = "meshgate-previous";
    record.chains.push_back({"last", std::nullopt, {{{}, uncounted, Return{}, "a word"}}});
    for (const bool is_there : {false, true}) {
        CAPTURE(is_there);
        kernel.put_dormant(record, mark(record), "last");
        const auto found = kernel.read(record.table);
        REQUIRE(found.has_value());
        CHECK(found->ruleset == record);
    }
    auto refused = record;
    refused.class_maps[0].elements.back().chain = "nowhere";
    CHECK_THROWS_AS(kernel.put_dormant(refused, mark(refused), "last"), KernelError);
    CHECK_FALSE(kernel.read(record.table).has_value());
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

namespace {

/// A table with so many VIPs in a namespace of its own, and what updates of the first cost there.
class Updated {
public:
    explicit Updated(std::size_t count) {
        enter_fresh_namespace();
        Kernel kernel;
        replace(kernel, vips(count));
        netlink_.emplace(NETLINK_NETFILTER);
    }

    void update_once(std::uint32_t slots, Port port) {
        return update_once(update(0, slots, port));
    }

    void update_once(const VipUpdate& update) {
        const std::vector<VipUpdate> updates{update};
        const auto before = netlink_->traffic();
        const auto start = cpu_time();
        update_vips(*netlink_, "meshgate", updates);
        least = std::min(least, cpu_time() - start);
        const auto after = netlink_->traffic();
        sent = after.sent - before.sent;
        received = after.received - before.received;
    }

    std::uint64_t sent = 0, received = 0;  ///< bytes, by the last one
    std::chrono::nanoseconds least = std::chrono::nanoseconds::max();

private:
    /// Of this thread, in the kernel too: what others do on the machine is no part of it.
    static std::chrono::nanoseconds cpu_time() {
        timespec now{};
        REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
        return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
    }

    std::optional<Netlink> netlink_;
};

}  // namespace

// One that dies or returns, and a name that gets another address or loses one.
TEST_CASE("an update of slots costs the same whatever the size of the maps") {
    constexpr Port rounds = 300;
    const std::size_t most = std::getenv("MESHGATE_FULL") != nullptr ? 100'000 : 20'000;
    Updated few{10}, many{most};
    for (Port port = 1; port <= rounds; ++port) {
        auto changed = update(0, 1 + port % 3U, port);
        changed.to_class.chain = "vip_random_2";
        few.update_once(changed);  // in turn: the machine is as fast for one as for the other
        many.update_once(changed);
        REQUIRE(many.sent == few.sent);
        REQUIRE(many.received == few.received);
    }
    MESSAGE("an update takes " << few.least.count() << " ns with 10 VIPs, " << many.least.count()
                               << " ns with " << most);
    CHECK(many.least < 2 * few.least);
}

// Only what was damaged needs one. Its time grows, by some 30 ns for each VIP: when an element with
// a chain comes, the kernel looks at all elements of that map (net/netfilter/nft_lookup.c,
// nft_lookup_validate()).
TEST_CASE("an update to another class says and hears the same whatever the size of the maps") {
    Updated few{10}, many{20'000};
    for (std::uint32_t slots : {1U, 2U, 3U, 1U}) {
        few.update_once(slots, 9000);
        many.update_once(slots, 9000);
        CHECK(many.sent == few.sent);
        CHECK(many.received == few.received);
    }
}
