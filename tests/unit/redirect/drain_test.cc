#include "src/meshgate-redirect/drain.h"

#include "netfilter/conntrack/judgement.h"
#include "netfilter/plan/plan.h"
#include "netfilter/plan/summary.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using redirect::draining_line;
using redirect::draining_ruleset;

namespace {

Ruleset installed(bool drop_invalid) {
    conf::Config config;
    config.redirect.inbound.enabled = true;
    config.redirect.outbound.enabled = true;
    config.redirect.dns.enabled = true;
    config.redirect.dns.capture = conf::DnsCaptureMode::all;
    config.redirect.drop_invalid = drop_invalid;
    return plan(config, Host{}).ruleset;
}

const auto until = std::chrono::system_clock::from_time_t(1795434000);

Packet packet(Hook hook, Protocol protocol, Port port) {
    Packet made;
    made.hook = hook;
    made.protocol = protocol;
    made.source = conf::IpAddress::parse("10.0.0.1").value();
    made.destination = conf::IpAddress::parse("192.0.2.1").value();
    made.dport = port;
    made.uid = hook == Hook::output ? std::optional<Uid>{1000} : std::nullopt;
    made.interface = "eth0";
    made.to_this_host = hook == Hook::prerouting;
    return made;
}

}  // namespace

TEST_CASE("nothing new is captured during a drain, and what is invalid is dropped as before") {
    for (const bool drop_invalid : {false, true}) {
        CAPTURE(drop_invalid);
        const auto before = installed(drop_invalid);
        const auto draining = draining_ruleset(before, until);
        for (const auto hook : {Hook::output, Hook::prerouting}) {
            for (const auto& [protocol, port] :
                 {std::pair{Protocol::tcp, Port{80}}, std::pair{Protocol::udp, Port{53}}}) {
                auto made = packet(hook, protocol, port);
                const auto outcome = evaluate(draining, made);
                CHECK(!outcome.redirected_to);
                CHECK(!outcome.zone);
                made.is_invalid = true;
                CHECK(evaluate(draining, made).dropped == evaluate(before, made).dropped);
            }
        }
    }
}

TEST_CASE("the table of a drain says until when, and still where connections are") {
    const auto draining = draining_ruleset(installed(true), until);
    const auto line = draining_line(draining);
    REQUIRE(line);
    CHECK(line->starts_with("draining until 2026-11-23T11:40:00Z"));
    CHECK(redirect_ports(draining) == redirect_ports(installed(true)));
    const auto again = draining_ruleset(draining, until + std::chrono::seconds{30});
    CHECK(draining_line(again)->starts_with("draining until 2026-11-23T11:40:30Z"));
    CHECK(redirect_ports(again) == redirect_ports(draining));
    CHECK(!draining_line(installed(true)));
    CHECK(!draining_line({}));
}

TEST_CASE("a chain of NAT stays hooked in: without one the kernel translates nothing") {
    const auto draining = draining_ruleset(installed(false), until);
    CHECK(std::ranges::any_of(draining.chains, [](const Chain& chain) {
        return chain.base && chain.base->type == ChainType::nat;
    }));
}
