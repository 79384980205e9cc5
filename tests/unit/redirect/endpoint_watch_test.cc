#include "src/meshgate-redirect/guard/endpoint_watch.h"

#include "conf/load.h"
#include "src/common/asio.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;
using namespace std::chrono_literals;
using netfilter::VipUpdate;

namespace {

constexpr auto patience = 20s;

/// Nobody listens there.
std::uint16_t closed_port(asio::io_context& context) {
    asio::ip::tcp::acceptor one{context, {asio::ip::address_v4::loopback(), 0}};
    return one.local_endpoint().port();
}

/// The kernel has all endpoints of the plan, or none.
void put_in_force(Setup& setup, bool all) {
    auto& ruleset = setup.plan.ruleset;
    ruleset.class_maps = {{.name = "vip_tcp4", .comment = "", .family = conf::Family::ipv4, .elements = {}}};
    ruleset.endpoint_maps = {{.name = "vip_tcp4_endpoints",
                              .comment = "",
                              .family = conf::Family::ipv4,
                              .protocol = conf::Protocol::tcp,
                              .elements = {}}};
    netfilter::MapFiller filler{ruleset};
    for (const auto& route : netfilter::routes_of(setup.host.vips, {conf::Family::ipv4})) {
        filler.add(route, netfilter::elements_of(route, std::vector<bool>(route.endpoints.size(), all)));
    }
}

/// A setup as the verbs make it, with these services at 240.0.0.1, .2 and so on.
Setup setup_of(const std::string& services) {
    Setup setup;
    setup.config = conf::parse("[vip]\nmode = \"kernel\"\n" + services, "test").config;
    unsigned number = 0;
    for (const auto& service : setup.config.services) {
        netfilter::VipService vip;
        vip.name = service.name;
        vip.address4 = conf::IpAddress::parse("240.0.0." + std::to_string(++number));
        vip.ports = service.ports;
        vip.protocols = service.protocols;
        vip.balance = service.balance;
        for (const auto& endpoint : service.endpoints) {
            const auto address = conf::IpAddress::parse(endpoint.host);
            vip.has_named_endpoints |= !address;
            if (address) vip.endpoints.push_back({*address, endpoint.port, endpoint.weight});
        }
        setup.host.vips.push_back(vip);
    }
    put_in_force(setup, true);
    return setup;
}

struct Fixture {
    asio::io_context context{1};
    std::vector<std::vector<VipUpdate>> applied;
    bool refuses = false;
    EndpointWatch watch{context,
                        [this](const std::vector<VipUpdate>& updates) {
                            applied.push_back(updates);
                            return !refuses;
                        },
                        [](const auto&, const auto&, bool) {}};

    void run_until(const std::function<bool()>& so) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!so() && std::chrono::steady_clock::now() < end) context.run_one_for(100ms);
        REQUIRE(so());
    }
};

std::string checked_service(std::uint16_t port) {
    const auto at = "127.0.0.1:" + std::to_string(port);
    return "[[service]]\nname = \"web\"\nendpoints = [\"" + at +
           "\"]\nhealth = { interval = \"100ms\" }\n";
}

}  // namespace

TEST_CASE("what has neither a check nor a name is not touched") {
    Fixture f;
    f.watch.follow(setup_of("[[service]]\nname = \"a\"\nendpoints = [\"127.0.0.1:80\"]\n"), 1);
    CHECK(f.applied.empty());
    std::size_t more = 0;
    CHECK(f.watch.states(10, more).empty());
}

TEST_CASE("an endpoint that died is taken out, and is out of the next installation at once") {
    Fixture f;
    const auto setup = setup_of(checked_service(closed_port(f.context)));
    f.watch.follow(setup, 1);
    REQUIRE(f.applied.size() == 1);
    CHECK(f.applied[0].at(0).slots.size() == 1);  // alive until it was checked
    f.run_until([&] { return f.applied.size() == 2; });
    CHECK(f.applied[1].at(0).slots.empty());
    CHECK(f.applied[1].at(0).class_map == "vip_tcp4");
    f.watch.follow(setup, 1);  // nothing is new
    CHECK(f.applied.size() == 2);
    f.watch.follow(setup, 2);
    REQUIRE(f.applied.size() == 3);
    CHECK(f.applied[2].at(0).slots.empty());
    std::size_t more = 0;
    const auto states = f.watch.states(10, more);
    REQUIRE(states.size() == 1);
    CHECK_FALSE(states[0].is_alive);
    CHECK_FALSE(states[0].is_used);
    CHECK(states[0].reason == "connect: Connection refused");
    CHECK(f.watch.states(0, more).empty());
    CHECK(more == 1);
}

TEST_CASE("a change that the kernel refuses is tried again") {
    Fixture f;
    f.refuses = true;
    f.watch.follow(setup_of(checked_service(closed_port(f.context))), 1);
    CHECK(f.watch.changes() == 0);
    f.run_until([&] { return f.applied.size() >= 3; });
    CHECK(f.watch.changes() == 0);
    f.refuses = false;
    f.run_until([&] { return f.watch.changes() == 1; });
    CHECK(f.applied.back().at(0).slots.empty());
}

TEST_CASE("an endpoint given by a name is those addresses that the name has") {
    Fixture f;
    f.watch.follow(setup_of("[[service]]\nname = \"a\"\nendpoints = [\"127.0.0.9:81\", "
                            "{ address = \"localhost:80\", weight = 3 }]\n"),
                   1);
    CHECK(f.applied.empty());  // until somebody says what the name has
    f.run_until([&] { return f.applied.size() == 1; });
    const auto& slots = f.applied[0].at(0).slots;
    CHECK(slots.size() == netfilter::named_slots_max);
    CHECK(std::ranges::count(slots, *conf::IpAddress::parse("127.0.0.1"),
                             &netfilter::VipSlot::endpoint) == netfilter::named_slots_max * 3 / 4);
}

TEST_CASE("a name that has a virtual address is no endpoint of one") {
    Fixture f;
    auto setup = setup_of("[[service]]\nname = \"a\"\nendpoints = [\"localhost:80\"]\n");
    setup.host.vips[0].address4 = conf::IpAddress::parse("127.0.0.1");
    f.watch.follow(setup, 1);
    f.run_until([&] { return f.applied.size() == 1; });
    CHECK(f.applied[0].at(0).slots.empty());
}

TEST_CASE("what the kernel does not have stays out until a check says that it is alive") {
    Fixture f;
    asio::ip::tcp::acceptor listener{f.context, {asio::ip::address_v4::loopback(), 0}};
    auto setup = setup_of(checked_service(listener.local_endpoint().port()));
    put_in_force(setup, false);
    f.watch.follow(setup, 1);
    REQUIRE(f.applied.size() == 1);
    CHECK(f.applied[0].at(0).slots.empty());
    f.run_until([&] { return f.applied.size() == 2; });
    CHECK(f.applied[1].at(0).slots.size() == 1);
}

TEST_CASE("only what changed is sent") {
    Fixture f;
    f.watch.follow(setup_of(checked_service(closed_port(f.context)) +
                            "[[service]]\nname = \"named\"\nendpoints = [\"localhost:80\"]\n"),
                   1);
    CHECK(f.applied.at(0).size() == 1);  // of the name nobody knows yet
    f.run_until([&] { return f.applied.size() == 3; });
    CHECK(f.applied[1].size() == 1);
    CHECK(f.applied[2].size() == 1);
    CHECK(f.applied[1][0].to_class.address != f.applied[2][0].to_class.address);
}

TEST_CASE("with nothing in force nothing is checked and nothing is sent") {
    Fixture f;
    asio::ip::tcp::acceptor listener{f.context, {asio::ip::address_v4::loopback(), 0}};
    listener.non_blocking(true);
    f.watch.follow(setup_of(checked_service(listener.local_endpoint().port())), 1);
    f.watch.stop();
    f.context.run_for(300ms);
    CHECK(f.applied.size() == 1);
    boost::system::error_code error;
    asio::ip::tcp::socket client{f.context};
    listener.accept(client, error);
    CHECK(error == boost::system::errc::resource_unavailable_try_again);
}
