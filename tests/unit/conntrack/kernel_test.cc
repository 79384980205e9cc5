#include "tests/unit/nftnl/namespace.h"

#include "netfilter/conntrack/conntrack.h"
#include "netfilter/conntrack/kernel_headers.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

conf::IpAddress address(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

Connection from_to(const std::string& source, const std::string& destination) {
    Connection made;
    made.original = {address(source), address(destination), 4000, 443, 0};
    return made;
}

bool all(const Connection&) {
    return true;
}

}  // namespace

TEST_CASE("what is added is there, answered and not redirected, until it is removed") {
    enter_fresh_namespace();
    Conntrack conntrack;
    CHECK(conntrack.read(all).empty());
    for (const auto protocol : {conf::Protocol::tcp, conf::Protocol::udp}) {
        for (const bool ipv6 : {false, true}) {
            CAPTURE(ipv6);
            auto made = ipv6 ? from_to("fd00::1", "2001:db8::1") : from_to("10.0.0.1", "192.0.2.1");
            made.protocol = protocol;
            CHECK(conntrack.add(made));
            CHECK(!conntrack.add(made));
            std::swap(made.original.source, made.original.destination);
            std::swap(made.original.sport, made.original.dport);
            CHECK(!conntrack.add(made));  // the other direction of the same
            const auto there = conntrack.read(all);
            REQUIRE(there.size() == 1);
            CHECK(there[0].protocol == protocol);
            CHECK(there[0].answered);
            CHECK(there[0].original.dport == 443);
            CHECK(!is_redirected(there[0]));
            CHECK(conntrack.remove(there[0]));
            CHECK(conntrack.read(all).empty());
        }
    }
}

TEST_CASE("one that came after it with the same tuple is not hit") {
    enter_fresh_namespace();
    Conntrack conntrack;
    REQUIRE(conntrack.add(from_to("10.0.0.1", "192.0.2.1")));
    auto before = conntrack.read(all).at(0);
    ++before.id;
    CHECK(!conntrack.remove(before));
    CHECK(conntrack.read(all).size() == 1);
}

TEST_CASE("an entry in a zone is found there only") {
    enter_fresh_namespace();
    Conntrack conntrack;
    auto zoned = from_to("10.0.0.1", "192.0.2.1");
    zoned.original.zone = 15053;
    REQUIRE(conntrack.add(from_to("10.0.0.1", "192.0.2.1")));
    REQUIRE(conntrack.add(zoned));
    const auto in_zone = [](const Connection& one) { return one.original.zone == 15053; };
    const auto there = conntrack.read(in_zone);
    REQUIRE(there.size() == 1);
    CHECK(conntrack.remove(there[0]));
    CHECK(conntrack.read(in_zone).empty());
    CHECK(conntrack.read(all).size() == 1);
}
