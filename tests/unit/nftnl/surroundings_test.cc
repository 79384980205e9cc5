#include "namespace.h"
#include "rulesets.h"

#include "netfilter/nftnl/surroundings.h"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

using Lines = std::vector<std::string>;

const Surroundings both{true, {network("240.0.0.0/4"), network("fd00:fd00::/64")}};

/// All that is to be as before: addresses and routes of every table and both families. Without
/// the interface counters and the ages of routes.
std::string addresses_and_routes() {
    return output_of("ip -4 addr; ip -6 addr; ip rule; ip -6 rule; ip -4 route show table all; "
                     "ip -6 route show table all");
}

/// An uplink with an address and a default route of both families. What the kernel does later by
/// itself (link-local addresses, the carrier) is off, or waited for.
void add_uplink() {
    output_of(
        "ip link add up0 type veth peer name up1 && "
        "ip link set up0 addrgenmode none && ip link set up1 addrgenmode none && "
        "ip link set up0 up && ip link set up1 up && "
        "ip addr add 192.0.2.2/24 dev up0 && ip route add default via 192.0.2.1 && "
        "ip -6 addr add 2001:db8::2/64 dev up0 nodad && ip -6 route add default via 2001:db8::1 && "
        "for try in $(seq 500); do "
        "test $(ip -o link show type veth up | grep -c 'state UP') = 2 && break; done");
}

}  // namespace

TEST_CASE("address and routes are added, found again and taken away without a trace") {
    enter_fresh_namespace();
    const auto before = addresses_and_routes();
    SurroundingsApplier applier;
    CHECK(applier.differences(both) == Lines{"+ address ::6/128 dev lo",
                                             "+ route 240.0.0.0/4 dev lo",
                                             "+ route fd00:fd00::/64 dev lo"});
    CHECK(applier.apply(both) == Lines{"added address ::6/128 dev lo",
                                       "added route 240.0.0.0/4 dev lo",
                                       "added route fd00:fd00::/64 dev lo"});
    CHECK(applier.differences(both).empty());
    CHECK(applier.apply(both).empty());
    CHECK(output_of("ip -6 addr show dev lo").find("::6/128") != std::string::npos);
    CHECK(output_of("ip route").find("240.0.0.0/4 dev lo proto 173") != std::string::npos);
    CHECK(output_of("ip route get 240.0.0.7").find("src 127.0.0.1") != std::string::npos);
    CHECK(output_of("ip -6 route get fd00:fd00::7").find("src ::1") != std::string::npos);
    CHECK(applier.remove());
    CHECK(addresses_and_routes() == before);
    CHECK_FALSE(applier.remove());
}

TEST_CASE("only what is wanted stays") {
    enter_fresh_namespace();
    SurroundingsApplier applier;
    applier.apply(both);
    const Surroundings other{false, {network("250.0.0.0/8"), network("fd00:fd00::/64")}};
    CHECK(applier.differences(other) == Lines{"- address ::6/128 dev lo",
                                              "+ route 250.0.0.0/8 dev lo",
                                              "- route 240.0.0.0/4 dev lo"});
    CHECK(applier.apply(other) == Lines{"removed address ::6/128 dev lo",
                                        "removed route 240.0.0.0/4 dev lo",
                                        "added route 250.0.0.0/8 dev lo"});
    CHECK(applier.differences(other).empty());
    CHECK(applier.differences({}).size() == 2);
}

TEST_CASE("a range that a route covers gets none") {
    enter_fresh_namespace();
    add_uplink();
    const auto before = addresses_and_routes();
    SurroundingsApplier applier;
    const Surroundings wanted{false, {network("240.0.0.0/4"), network("fd00:fd00::/64")}};
    CHECK(applier.differences(wanted).empty());
    CHECK(applier.apply(wanted) ==
          Lines{"no route 240.0.0.0/4 dev lo: the route 0.0.0.0/0 covers it",
                "no route fd00:fd00::/64 dev lo: the route ::/0 covers it"});
    CHECK(addresses_and_routes() == before);
    CHECK_FALSE(applier.remove());
}

TEST_CASE("a route to a part of the range does not cover it") {
    enter_fresh_namespace();
    output_of("ip link add up0 type veth peer name up1 && ip link set up0 up && "
              "ip addr add 192.0.2.2/24 dev up0 && ip route add 240.0.0.0/8 dev up0");
    SurroundingsApplier applier;
    CHECK(applier.apply({false, {network("240.0.0.0/4")}}) ==
          Lines{"added route 240.0.0.0/4 dev lo"});
}

TEST_CASE("what others made is left alone") {
    enter_fresh_namespace();
    output_of("ip -6 addr add ::6/128 dev lo nodad && ip route add 240.0.0.0/4 dev lo && "
              "ip -6 route add unreachable fd00:fd00::/64");
    const auto before = addresses_and_routes();
    SurroundingsApplier applier;
    CHECK(applier.apply(both) ==
          Lines{"no route 240.0.0.0/4 dev lo: the route 240.0.0.0/4 covers it",
                "no route fd00:fd00::/64 dev lo: another route of that range refuses it"});
    CHECK_FALSE(applier.remove());
    CHECK(addresses_and_routes() == before);
}

TEST_CASE("ours on another table, or of another device, is no reason to fail") {
    enter_fresh_namespace();
    output_of("ip link add up0 type veth peer name up1 && ip link set up0 up && "
              "ip route add 198.51.100.0/24 dev up0 proto 173 && "
              "ip route add 203.0.113.0/24 dev lo proto 173 table 1000");
    SurroundingsApplier applier;
    CHECK(applier.remove());
    CHECK(output_of("ip route show table all proto 173") ==
          "198.51.100.0/24 dev up0 scope link linkdown \n");
}

TEST_CASE("IPv6 off on lo and lo down are told, not errors") {
    enter_fresh_namespace();
    output_of("sysctl -qw net.ipv6.conf.lo.disable_ipv6=1");
    SurroundingsApplier applier;
    CHECK(applier.apply(both) == Lines{"IPv6 is off: no address ::6/128 dev lo",
                                       "added route 240.0.0.0/4 dev lo",
                                       "IPv6 is off: no route fd00:fd00::/64 dev lo"});
    CHECK(applier.differences(both).empty());
    CHECK(applier.remove());

    output_of("sysctl -qw net.ipv6.conf.lo.disable_ipv6=0; ip link set lo down");
    const Surroundings route_only{false, {network("240.0.0.0/4")}};
    CHECK(applier.apply(route_only) == Lines{"lo is down: no route 240.0.0.0/4 dev lo"});
    CHECK(applier.differences(route_only).empty());
}

TEST_CASE("without privilege addresses and routes are EPERM") {
    enter_fresh_namespace();
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::setuid(65534) != 0) ::_exit(100);
        SurroundingsApplier applier;
        int failures = applier.differences(both).size() == 3 ? 0 : 1;
        try {
            applier.apply(both);
            ++failures;
        } catch (const std::system_error& error) {
            failures += error.code().value() == EPERM ? 0 : 1;
        }
        ::_exit(failures);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
