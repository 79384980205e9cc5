#include "configurations.h"

#include "conf/load.h"
#include "netfilter/plan/slots.h"
#include "netfilter/plan/vips.h"
#include "netfilter/ruleset/evaluate.h"
#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;

namespace {

conf::IpAddress ip(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

VipService service(std::string name, const std::string& address, std::vector<VipEndpoint> endpoints,
                   conf::Balance balance = conf::Balance::random) {
    VipService made{.name = std::move(name),
                    .address4 = {},
                    .address6 = {},
                    .ports = {80},
                    .protocols = {Protocol::tcp},
                    .balance = balance,
                    .endpoints = std::move(endpoints),
                    .has_named_endpoints = false,
                    .where = {}};
    auto parsed = ip(address);
    (parsed.family() == Family::ipv4 ? made.address4 : made.address6) = parsed;
    return made;
}

std::vector<VipEndpoint> endpoints(std::initializer_list<const char*> addresses) {
    std::vector<VipEndpoint> made;
    for (const char* address : addresses) made.push_back({ip(address), 8080, 1});
    return made;
}

Host host(std::vector<VipService> services) {
    Host made;
    made.vips = std::move(services);
    return made;
}

const std::string kernel_mode = "[proxy]\nenabled = false\n[vip]\nmode = \"kernel\"\n";

Plan plan_of(const std::string& toml, const Host& host) {
    return plan(conf::parse(toml, "test.toml").config, host);
}

netfilter::Packet to(const std::string& destination, Port port, Protocol protocol = Protocol::tcp) {
    netfilter::Packet packet;
    packet.protocol = protocol;
    packet.destination = ip(destination);
    packet.source = ip(packet.destination.family() == Family::ipv4 ? "10.0.0.1" : "fd01::1");
    packet.dport = port;
    packet.uid = 1000;
    packet.interface = "eth0";
    return packet;
}

/// "192.0.2.1:8080=3 192.0.2.2:8080=1", or "refused", "15001", "straight".
std::string fate(const Ruleset& ruleset, const netfilter::Packet& packet) {
    const auto outcome = evaluate(ruleset, packet);
    if (outcome.rejected) return "refused";
    if (outcome.redirected_to) return std::to_string(*outcome.redirected_to);
    if (!outcome.balanced) return "straight";
    std::string text;
    for (const auto& one : outcome.endpoints) {
        text += (text.empty() ? "" : " ") + one.address.to_string() + ":" +
                std::to_string(one.port) + "=" + std::to_string(one.slots);
    }
    return text;
}

/// Only some of the endpoints are alive, as a watcher would have it.
void make_alive(Ruleset& ruleset, const std::vector<VipService>& services,
                const std::vector<bool>& alive) {
    MapFiller filler{ruleset};
    for (const auto& route : routes_of(services, {Family::ipv4, Family::ipv6})) {
        filler.add(route, elements_of(route, alive));
    }
    filler.sort();
}

}  // namespace

TEST_CASE("a VIP goes to its endpoints, by their weights") {
    auto shop = service("shop", "240.0.0.1", endpoints({"192.0.2.1", "192.0.2.2"}));
    shop.endpoints[0].weight = 30;
    shop.endpoints[1].weight = 10;
    shop.ports = {80, 443};
    auto dns = service("dns", "240.0.0.2", endpoints({"192.0.2.3"}));
    dns.protocols = {Protocol::udp};
    auto six = service("six", "fd00::6", endpoints({"2001:db8::1"}));
    const auto ruleset = plan_of(kernel_mode, host({shop, dns, six})).ruleset;
    CHECK(fate(ruleset, to("240.0.0.1", 80)) == "192.0.2.1:8080=3 192.0.2.2:8080=1");
    CHECK(fate(ruleset, to("240.0.0.1", 443)) == "192.0.2.1:8080=3 192.0.2.2:8080=1");
    CHECK(fate(ruleset, to("240.0.0.2", 80, Protocol::udp)) == "192.0.2.3:8080=1");
    CHECK(fate(ruleset, to("fd00::6", 80)) == "2001:db8::1:8080=1");
    CHECK(fate(ruleset, to("192.0.2.1", 80)) == "straight");
}

TEST_CASE("what a VIP does not have is refused, and what is nobody's in the range") {
    const auto ruleset =
        plan_of(kernel_mode, host({service("a", "240.0.0.1", endpoints({"192.0.2.1"})),
                                   service("none", "10.9.9.9", {})}))
            .ruleset;
    CHECK(fate(ruleset, to("240.0.0.1", 81)) == "refused");
    CHECK(fate(ruleset, to("240.0.0.1", 80, Protocol::udp)) == "refused");
    CHECK(fate(ruleset, to("240.7.7.7", 80)) == "refused");
    CHECK(fate(ruleset, to("10.9.9.9", 80)) == "refused");
    CHECK(fate(ruleset, to("10.9.9.8", 80)) == "straight");
}

TEST_CASE("beside a proxy: one decision is made once") {
    const std::string beside = "[vip]\nmode = \"kernel\"\n";
    auto machine = host({service("a", "240.0.0.1", endpoints({"192.0.2.1"})),
                         service("none", "240.0.0.2", {})});
    machine.proxy_vips = {ip("240.0.0.9")};
    const auto ruleset = plan_of(beside, machine).ruleset;
    CHECK(fate(ruleset, to("240.0.0.1", 80)) == "192.0.2.1:8080=1");
    CHECK(fate(ruleset, to("240.0.0.2", 80)) == "refused");
    CHECK(fate(ruleset, to("240.0.0.9", 80)) == "15001");
    CHECK(fate(ruleset, to("192.0.2.77", 80)) == "15001");
    auto of_proxy = to("192.0.2.77", 80);
    of_proxy.uid = 5678;
    CHECK(fate(ruleset, of_proxy) == "straight");
}

TEST_CASE("a single service in the kernel leaves the range to the proxy") {
    const auto ruleset =
        plan_of("", host({service("a", "240.0.0.1", endpoints({"192.0.2.1"}))})).ruleset;
    CHECK(fate(ruleset, to("240.0.0.1", 80)) == "192.0.2.1:8080=1");
    CHECK(fate(ruleset, to("240.0.0.1", 81)) == "refused");
    CHECK(fate(ruleset, to("240.0.0.2", 80)) == "15001");
}

TEST_CASE("a service on port 53 is reached by its address, whatever is captured") {
    auto names = service("names", "240.0.0.1", endpoints({"192.0.2.1"}));
    names.ports = {53};
    auto none = service("none", "240.0.0.2", {});
    none.ports = {53};
    const std::string captured = "[redirect.dns]\nenabled = true\nprotocols = [\"udp\", \"tcp\"]\n";
    for (auto* each : {&names, &none}) each->protocols = {Protocol::tcp, Protocol::udp};
    for (const auto& text : {kernel_mode, kernel_mode + captured + "capture = \"all\"\n",
                             kernel_mode + captured + "capture = \"all\"\non_resolver_down = \"open\"\n",
                             captured + "capture = \"all\"\n", captured, std::string{}}) {
        CAPTURE(text);
        const auto ruleset = plan_of(text, host({names, none, service("b", "240.0.0.3", {})})).ruleset;
        for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
            CHECK(fate(ruleset, to("240.0.0.1", 53, protocol)) == "192.0.2.1:8080=1");
            CHECK(fate(ruleset, to("240.0.0.2", 53, protocol)) == "refused");
            const bool all_is_captured = text.find("\"all\"") != std::string::npos;
            for (const char* other : {"240.0.0.3", "192.0.2.77"}) {
                CHECK((fate(ruleset, to(other, 53, protocol)) == "15053") == all_is_captured);
            }
        }
    }
}

TEST_CASE("who is exempt is no client of a name server of the mesh either") {
    auto names = service("names", "240.0.0.1", endpoints({"192.0.2.1"}));
    names.ports = {53};
    const auto ruleset =
        plan_of("[redirect.dns]\nenabled = true\nprotocols = \"tcp\"\n", host({names})).ruleset;
    auto packet = to("240.0.0.1", 53);
    CHECK(fate(ruleset, packet) == "192.0.2.1:8080=1");
    packet.uid = 5678;
    CHECK(fate(ruleset, packet) == "refused");
}

TEST_CASE("clients behind an interface get the same, others nothing") {
    const auto ruleset =
        plan_of(kernel_mode + "[[redirect.network]]\ninterface = \"lan0\"\ncidr = \"10.1.0.0/16\"\n",
                host({service("a", "240.0.0.1", endpoints({"192.0.2.1"}))}))
            .ruleset;
    auto packet = to("240.0.0.1", 80);
    packet.hook = Hook::prerouting;
    packet.uid.reset();
    packet.interface = "lan0";
    packet.source = ip("10.1.0.7");
    CHECK(fate(ruleset, packet) == "192.0.2.1:8080=1");
    packet.dport = 81;
    CHECK(fate(ruleset, packet) == "refused");
    packet.source = ip("10.2.0.7");
    CHECK(fate(ruleset, packet) == "straight");
}

TEST_CASE("the digest is of the rules: not of who is alive, nor of how many there are") {
    const std::vector<VipService> services{
        service("a", "240.0.0.1", endpoints({"192.0.2.1", "192.0.2.2", "192.0.2.3"}))};
    const auto whole = plan_of(kernel_mode, host(services)).ruleset;
    auto reduced = whole;
    make_alive(reduced, services, {true, false, true});
    CHECK(reduced != whole);
    CHECK(digest(reduced) == digest(whole));
    auto more = services;
    more.push_back(service("b", "240.0.0.2", endpoints({"192.0.2.9"})));
    CHECK(digest(plan_of(kernel_mode, host(more)).ruleset) == digest(whole));
    more.back().endpoints = endpoints({"192.0.2.6", "192.0.2.7", "192.0.2.8", "192.0.2.9"});
    CHECK(digest(plan_of(kernel_mode, host(more)).ruleset) == digest(whole));
    more.back().protocols = {Protocol::udp};
    CHECK(digest(plan_of(kernel_mode, host(more)).ruleset) != digest(whole));
}

TEST_CASE("who was taken out stays out, and what is damaged is planned anew") {
    for (const auto balance : {conf::Balance::random, conf::Balance::round_robin,
                               conf::Balance::client_hash}) {
        std::vector<VipService> services{
            service("a", "240.0.0.1", endpoints({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), balance)};
        const auto whole = plan_of(kernel_mode, host(services)).ruleset;
        auto taken_out = whole;
        make_alive(taken_out, services, {true, false, true});
        auto all = whole;
        CHECK(keep_live(all, services, taken_out).empty());  // nobody watches it
        CHECK(all == whole);
        services[0].is_checked = true;
        for (const auto& alive : {std::vector<bool>{true, false, true}, {false, false, false}}) {
            auto installed = whole;
            make_alive(installed, services, alive);
            auto planned = whole;
            CHECK(keep_live(planned, services, installed) == std::vector<std::string>{"a"});
            CHECK(planned == installed);
        }
        auto damaged = whole;
        make_alive(damaged, services, {true, true, false});
        auto& elements = damaged.endpoint_maps[0].elements;
        elements.erase(elements.begin());  // without the last, it would be one with one less alive
        auto planned = whole;
        CHECK(keep_live(planned, services, damaged).empty());
        CHECK(planned == whole);
        damaged.class_maps[0].elements.clear();  // one that is not known yet is all alive
        CHECK(keep_live(planned, services, damaged).empty());
        CHECK(planned == whole);
    }
}

TEST_CASE("a death changes slots and no chain") {
    struct Row {
        const char* what;
        conf::Balance balance;
        std::vector<std::uint16_t> weights;
        std::vector<bool> alive;
        const char* chain;
        std::size_t slots;
    };
    const auto random = conf::Balance::random;
    for (const Row& row : std::vector<Row>{
             {"all", random, {1, 1, 1, 1}, {true, true, true, true}, "vip_random_4", 4},
             {"one less", random, {1, 1, 1, 1}, {true, true, false, true}, "vip_random_4", 3},
             {"one left", random, {1, 1, 1, 1}, {false, false, true, false}, "vip_random_4", 4},
             {"none left", random, {1, 1}, {false, false}, "vip_random_2", 0},
             {"shares of who is left", random, {2, 1, 1}, {true, true, false}, "vip_random_4", 3},
             {"shares with a divisor", random, {8, 4, 3}, {true, true, false}, "vip_random_15", 15},
             {"many slots", random, {9, 8}, {true, true}, "vip_random_20", 17},
             {"one of many", random, {9, 8}, {true, false}, "vip_random_20", 20},
             {"none of many", random, {9, 8}, {false, false}, "vip_random_20", 0},
             {"more than can be", random, {999, 998}, {true, true}, "vip_random_256", 256},
             {"in turn", conf::Balance::round_robin, {1, 1}, {false, false}, "vip_turn_1", 0},
             {"by client", conf::Balance::client_hash, {1, 1}, {false, false}, "vip_client", 0}}) {
        CAPTURE(row.what);
        auto one = service("a", "240.0.0.1", {}, row.balance);
        for (std::size_t i = 0; i < row.weights.size(); ++i) {
            one.endpoints.push_back(
                {ip("192.0.2." + std::to_string(i + 1)), 8080, row.weights[i]});
        }
        const auto route = routes_of({one}, {Family::ipv4}).front();
        const auto elements = elements_of(route, row.alive);
        CHECK(elements.to_class.chain == row.chain);
        CHECK(elements.slots.size() == row.slots);
    }
}

TEST_CASE("a name that gets and loses addresses changes slots and no chain") {
    for (const auto& [balance, chain] :
         std::vector<std::pair<conf::Balance, std::string>>{
             {conf::Balance::random, "vip_random_64"},
             {conf::Balance::round_robin, "vip_turn_1"},
             {conf::Balance::client_hash, "vip_client"}}) {
        CAPTURE(chain);
        auto named = service("a", "240.0.0.1", {}, balance);
        named.has_named_endpoints = true;
        auto route = routes_of({named}, {Family::ipv4}).front();
        for (std::size_t known = 0; known <= named_slots_max; ++known) {
            CHECK(elements_of(route).to_class.chain == chain);
            CHECK(elements_of(route).slots.empty() == (known == 0));
            route.endpoints.push_back({ip("192.0.2." + std::to_string(known)), 8080, 1});
        }
        CHECK(elements_of(routes_of({service("b", "240.0.0.2", {}, balance)}, {Family::ipv4}).front())
                  .to_class.chain == no_endpoint_chain);
    }
}

TEST_CASE("what names had is kept, in the chain that is planned") {
    auto named = service("a", "240.0.0.1", {});
    named.has_named_endpoints = true;
    const std::vector<VipService> services{named};
    const auto whole = plan_of(kernel_mode, host(services)).ruleset;
    auto installed = whole;
    installed.endpoint_maps[0].elements.push_back({ip("240.0.0.1"), 80, 0, ip("192.0.2.1"), 8080});
    auto planned = whole;
    CHECK(keep_live(planned, services, installed).empty());
    CHECK(planned == installed);
    CHECK(fate(planned, to("240.0.0.1", 80)) == "192.0.2.1:8080=1");
    CHECK(fate(whole, to("240.0.0.1", 80)) == "refused");
    auto other_chain = installed;
    other_chain.class_maps[0].elements[0].chain = no_endpoint_chain;
    planned = whole;
    CHECK(keep_live(planned, services, other_chain).empty());
    CHECK(planned == installed);
}

TEST_CASE("chains that draw: those of the services, of what they may come to, and of names") {
    struct Row {
        const char* what;
        std::vector<std::size_t> endpoints;  ///< of each service; 0: by name
        std::vector<std::size_t> draws;
    };
    for (const Row& row :
         std::vector<Row>{{"one", {1}, {1, 2, 3, 4}},
                          {"the largest counts", {1, 5}, {1, 2, 3, 4, 5, 6, 7, 8}},
                          {"names alone", {0}, {64}},
                          {"names beside", {2, 0}, {1, 2, 3, 4, 64}}}) {
        CAPTURE(row.what);
        std::vector<VipService> services;
        for (const auto count : row.endpoints) {
            const auto number = std::to_string(services.size() + 1);
            services.push_back(service("s" + number, "240.0.0." + number, {}));
            services.back().has_named_endpoints = count == 0;
            for (std::size_t i = 1; i <= count; ++i) {
                services.back().endpoints.push_back(
                    {ip("192.0.2." + std::to_string(i)), 8080, 1});
            }
        }
        const auto ruleset = plan_of(kernel_mode, host(services)).ruleset;
        std::vector<std::string> chains, expected;
        for (const auto& chain : ruleset.chains) {
            if (chain.name.starts_with("vip_random_")) chains.push_back(chain.name);
        }
        for (const auto draw : row.draws) expected.push_back(random_chain(draw));
        CHECK(chains == expected);
    }
}

TEST_CASE("who draws a slot that has nobody draws again of less") {
    auto one = service("a", "240.0.0.1", endpoints({"192.0.2.1", "192.0.2.2", "192.0.2.3"}));
    const auto ruleset = plan_of(kernel_mode, host({one})).ruleset;
    const auto chain = std::ranges::find(ruleset.chains, random_chain(3), &Chain::name);
    REQUIRE(chain != ruleset.chains.end());
    std::vector<std::size_t> draws;
    for (const auto& rule : chain->rules) {
        draws.push_back(std::get<DnatToSlot>(rule.verdict).slots);
    }
    CHECK(draws == draws_from(3));
}

TEST_CASE("endpoints of which the slots of a port have no room are a fault") {
    struct Row {
        conf::Balance balance;
        bool has_names;
        std::size_t most;
    };
    for (const Row& row : {Row{conf::Balance::random, false, slots_max},
                           Row{conf::Balance::random, true, named_slots_max},
                           Row{conf::Balance::round_robin, true, fixed_slots},
                           Row{conf::Balance::client_hash, false, fixed_slots}}) {
        CAPTURE(row.most);
        auto one = service("a", "240.0.0.1", {}, row.balance);
        one.has_named_endpoints = row.has_names;
        for (std::size_t i = 0; i < row.most; ++i) {
            one.endpoints.push_back({ip("192.0.2." + std::to_string(i % 250)), Port(8000 + i), 1});
        }
        CHECK(vip_faults({one}).empty());
        one.endpoints.push_back({ip("198.51.100.1"), 80, 1});
        const auto faults = vip_faults({one});
        REQUIRE(faults.size() == 1);
        CHECK(faults[0].message == "service 'a' has more than " + std::to_string(row.most) +
                                       " endpoints of one family" +
                                       (row.has_names ? " beside those given by name" : ""));
    }
}

TEST_CASE("slots that the kernel is not asked to hold are a fault, however few the endpoints") {
    auto weighted = service("a", "240.0.0.1", endpoints({"192.0.2.1", "192.0.2.2"}));
    weighted.endpoints[0].weight = 255;
    auto named = service("a", "240.0.0.1", {});
    named.has_named_endpoints = true;
    for (const auto& [one, slots] : {std::pair{weighted, std::size_t{256}},
                                     std::pair{named, named_slots_max}}) {
        CAPTURE(slots);
        std::vector<VipService> many(vip_slots_max / slots, one);
        CHECK(vip_faults(many).empty());
        many.push_back(one);
        CHECK(vip_faults(many).size() == 1);
        many.push_back(one);
        CHECK(vip_faults(many).size() == 1);
    }
}

TEST_CASE("a service that takes turns has a counter for each of its ports") {
    auto one = service("a", "240.0.0.1", endpoints({"192.0.2.1"}), conf::Balance::round_robin);
    one.ports = {80, 443};
    auto two = service("b", "240.0.0.2", endpoints({"192.0.2.1"}), conf::Balance::round_robin);
    std::vector<std::string> chains;
    const auto planned = plan_of(kernel_mode, host({one, two}));
    for (const auto& each : planned.ruleset.class_maps[0].elements) chains.push_back(each.chain);
    CHECK(chains == std::vector<std::string>{"vip_turn_1", "vip_turn_2", "vip_turn_3"});
    std::vector<VipService> many(turn_chains_max, one);
    for (auto& each : many) each.ports = {80};
    CHECK(vip_faults(many).empty());
    many.push_back(many.back());
    CHECK(vip_faults(many).size() == 1);
}

TEST_CASE("routes to VIPs that have none, and no loopback source for what leaves") {
    const auto plan =
        plan_of(kernel_mode, host({service("a", "240.0.0.1", endpoints({"192.0.2.1"})),
                                   service("b", "10.9.9.9", endpoints({"192.0.2.1"}))}));
    CHECK(plan.surroundings.translated);
    CHECK(plan.surroundings.local_routes ==
          std::vector<Cidr>{Cidr::parse("240.0.0.0/4").value(), Cidr::parse("10.9.9.9").value()});
    CHECK_FALSE(plan_of("", Host{}).surroundings.translated);
}
