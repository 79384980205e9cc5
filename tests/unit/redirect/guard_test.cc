#include "src/meshgate-redirect/guard/backoff.h"

#include "netfilter/plan/plan.h"
#include "netfilter/ruleset/evaluate.h"
#include "netfilter/ruleset/print.h"
#include "src/meshgate-redirect/guard/metrics.h"
#include "src/meshgate-redirect/guard/orders.h"
#include "src/meshgate-redirect/guard/pause.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;
using namespace std::chrono_literals;

namespace {

const auto start = Backoff::Clock::time_point{} + 1h;

Orders example() {
    return {.configs = {"/etc/meshgate/a b.toml"},
            .flags = {{"redirect-dns", ""}, {"vnet", "docker0:172.17.0.0/16"}},
            .environment = {"KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_ENABLED=true"}};
}

}  // namespace

TEST_CASE("damage once in a while is repaired at once, however often it comes") {
    Backoff backoff;
    for (int i = 0; i < 1000; ++i) CHECK(backoff.next(start + i * 2s) == 0s);
    CHECK(!backoff.is_fight());
}

TEST_CASE("what does not go is tried again soon, and ever later") {
    Retry retry;
    CHECK(retry.next() == 100ms);
    CHECK(retry.next() == 200ms);
    CHECK(retry.next() == 400ms);
    for (int i = 0; i < 20; ++i) static_cast<void>(retry.next());
    CHECK(retry.next() == 60s);
    retry.went_well();
    CHECK(retry.next() == 100ms);
}

TEST_CASE("a fight is answered ever more slowly, up to a minute, and is forgotten in the end") {
    Backoff backoff;
    auto now = start;
    for (int i = 0; i < 9; ++i) CHECK(backoff.next(now += 10ms) == 0s);
    for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        CHECK(backoff.next(now) == pause);
        CHECK(backoff.is_fight());
        now += pause;
    }
    CHECK(backoff.next(now + 121s) == 0s);
    CHECK(!backoff.is_fight());
}

TEST_CASE("looks for nothing are at once, many of them once a second, and no fight") {
    Looks looks;
    for (int i = 0; i < 100; ++i) CHECK(looks.next(start + i * 2s) == 0s);
    auto now = start + 1000s;
    for (int i = 0; i < 10; ++i) CHECK(looks.next(now) == 0s);
    CHECK(looks.next(now += 100ms) == 900ms);
    CHECK(looks.next(now += 100ms) == 800ms);  // the same one
    CHECK(looks.next(now += 800ms) == 1s);
    CHECK(looks.next(now + 20s) == 0s);
}

TEST_CASE("what was no damage does not count for a fight, and what is one does") {
    Backoff backoff;
    for (int i = 0; i < 100; ++i) {
        CHECK(backoff.next(start + i * 10ms) == 0s);
        backoff.was_nothing();
    }
    auto now = start + 2s;
    for (int i = 0; i < 9; ++i) CHECK(backoff.next(now += 10ms) == 0s);
    CHECK(backoff.next(now) == 1s);
    backoff.was_nothing();
    CHECK(!backoff.is_fight());
    CHECK(backoff.next(now) == 1s);
    CHECK(backoff.next(now) == 2s);
    backoff.was_nothing();
    CHECK(backoff.next(now) == 2s);
    CHECK(backoff.is_fight());
}

TEST_CASE("what was asked for can be told to another process") {
    const auto orders = example();
    const auto lines = to_lines(orders);
    REQUIRE(lines);
    CHECK(parse_orders(*lines) == orders);
    const auto invocation = invocation_of(orders);
    CHECK(invocation.configs == orders.configs);
    CHECK(invocation.flags == orders.flags);
    CHECK(orders_of(invocation)->flags == orders.flags);
}

TEST_CASE("what cannot be asked for again is not told") {
    Invocation invocation;
    invocation.configs = {"-"};
    CHECK(!orders_of(invocation));
    auto orders = example();
    orders.configs.front() += "\nenvironment LD_PRELOAD=x";
    CHECK(!to_lines(orders));
}

TEST_CASE("nonsense is no order") {
    for (const auto& lines : std::vector<std::vector<std::string>>{
             {"konfig /x"}, {"flag"}, {"flag "}, {"flag x"}, {"flag  x"},
             {"environment LD_PRELOAD=/tmp/x.so"}, {""}}) {
        CHECK(!parse_orders(lines));
    }
    CHECK(parse_orders({}) == Orders{});
}

TEST_CASE("an outcome is read back, and anything else is a broken one") {
    using What = PauseOutcome::What;
    for (const auto what : {What::broken_off, What::installed, What::to_confirm, What::confirmed,
                            What::put_back, What::uninstalled}) {
        for (const auto& orders : {std::optional<Orders>{}, std::optional{example()}}) {
            const PauseOutcome outcome{.what = what, .orders = orders};
            CHECK(parse_outcome(to_lines(outcome)) == outcome);
        }
    }
    CHECK(parse_outcome({}) == PauseOutcome{});
    CHECK(parse_outcome({"exploded"}) == PauseOutcome{});
    CHECK(parse_outcome({"installed", "environment PATH=/tmp"}) == PauseOutcome{});
}

TEST_CASE("one element lets DNS go direct, and nothing else") {
    using namespace netfilter;
    conf::Config config;
    config.redirect.dns.enabled = true;
    config.redirect.dns.capture = conf::DnsCaptureMode::all;
    config.redirect.dns.protocols = {Protocol::udp, Protocol::tcp};
    config.redirect.dns.on_resolver_down = conf::OnResolverDown::open;
    const auto closed = plan(config, Host{}).ruleset;
    auto open = closed;
    for (auto& set : open.sets) {
        if (set.name == open_dns_set) set.elements = PortElements{{53, 53}};
    }
    REQUIRE(open != closed);
    CHECK(digest(open) == digest(closed));
    for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
        for (const Port port : {Port{53}, Port{80}}) {
            Packet packet;
            packet.hook = Hook::output;
            packet.protocol = protocol;
            packet.source = conf::IpAddress::parse("10.0.0.1").value();
            packet.destination = conf::IpAddress::parse("192.0.2.1").value();
            packet.dport = port;
            packet.uid = 1000;
            packet.interface = "eth0";
            const auto before = evaluate(closed, packet);
            const auto after = evaluate(open, packet);
            CAPTURE(port);
            if (port == 53) {
                CHECK(before.redirected_to == Port{15053});
                CHECK(!after.redirected_to);
                CHECK(!after.zone);
            } else {
                CHECK(before.redirected_to == after.redirected_to);
            }
        }
    }
}

TEST_CASE("metrics have each family once, whatever programs call themselves") {
    GuardNumbers numbers;
    numbers.stats.repairs_by = {{"nft", 2}, {"a\"b\\c", 1}};
    numbers.counters = {{"captured_dns", 7, 420}};
    numbers.holds = true;
    numbers.services = {{"a", 3, 1200}, {"q\"b\\c\nd", 1, {}}};
    numbers.more_services = 5;
    const auto text = guard_metrics(numbers);
    for (const std::string line :
         {"meshgate_guard_repairs_total{program=\"nft\"} 2\n",
          "meshgate_guard_repairs_total{program=\"a\\\"b\\\\c\"} 1\n",
          "meshgate_redirect_packets_total{cause=\"captured_dns\"} 7\n",
          "meshgate_redirect_bytes_total{cause=\"captured_dns\"} 420\n",
          "meshgate_guard_holds_rules 1\n", "meshgate_guard_ready 0\n",
          "meshgate_guard_service_connections{service=\"a\"} 3\n",
          "meshgate_guard_service_connections{service=\"q\\\"b\\\\c\\nd\"} 1\n",
          "meshgate_guard_service_bytes{service=\"a\"} 1200\n# HELP",  // and of no other
          "meshgate_guard_services_left_out 5\n",
          "# TYPE meshgate_guard_repairs_total counter\n"}) {
        CAPTURE(line);
        CHECK(text.find(line) != text.npos);
    }
}
