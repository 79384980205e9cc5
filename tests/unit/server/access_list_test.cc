#include "dns/server/access_list.h"

#include "dns/server/admission.h"
#include "tests/unit/server/messages.h"
#include "tests/unit/server/peers.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::AccessList;

namespace {

AccessList list(const std::vector<std::string>& networks, std::vector<std::uint32_t> links = {}) {
    std::vector<conf::Cidr> parsed;
    for (const auto& text : networks) parsed.push_back(conf::Cidr::parse(text).value());
    return AccessList{parsed, links};
}

}  // namespace

TEST_CASE("a client may ask when one of the networks has its address") {
    const AccessList access =
        list({"10.0.0.0/8", "192.0.2.7", "10.1.0.0/16", "192.0.2.8/31", "203.0.113.0/24",
              "2001:db8::/32", "2001:db8:1::/48", "fd00::1", "::ffff:198.51.100.0/120"});
    struct Row {
        const char* client;
        bool allowed;
    };
    const Row rows[] = {
        {"9.255.255.255", false},   {"10.0.0.0", true},
        {"10.1.2.3", true},         {"10.255.255.255", true},
        {"11.0.0.0", false},        {"192.0.2.6", false},
        {"192.0.2.7", true},        {"192.0.2.8", true},
        {"192.0.2.9", true},        {"192.0.2.10", false},
        {"203.0.113.255", true},    {"203.0.114.0", false},
        {"255.255.255.255", false}, {"0.0.0.0", false},
        {"198.51.100.200", true},  // the network was written as IPv4-mapped
        {"198.51.101.0", false},    {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2001:db8::", true},       {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:db9::", false},      {"fd00::", false},
        {"fd00::1", true},          {"fd00::2", false},
        {"::ffff:10.0.0.1", true},  // the client's address came as IPv4-mapped
        {"::ffff:9.9.9.9", false},  {"::", false},
        {"fe80::1%3", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.client);
        CHECK(access.allows(peer(row.client)) == row.allowed);
    }
}

TEST_CASE("an empty list has nobody, and the networks of everybody have all of their family") {
    CHECK_FALSE(list({}).allows(peer("127.0.0.1")));
    CHECK_FALSE(list({}).allows(peer("::1")));
    const AccessList v4 = list({"0.0.0.0/0"});
    CHECK(v4.allows(peer("255.255.255.255")));
    CHECK(v4.allows(peer("::ffff:1.2.3.4")));
    CHECK_FALSE(v4.allows(peer("2001:db8::1")));
    const AccessList v6 = list({"::/0"});
    CHECK(v6.allows(peer("ffff::")));
    CHECK_FALSE(v6.allows(peer("1.2.3.4")));
}

TEST_CASE("a link-local client is known by its interface") {
    const AccessList access = list({"10.0.0.0/8"}, {7, 3});
    CHECK(access.allows(peer("fe80::9%3")));
    CHECK(access.allows(peer("fe80::9%7")));
    CHECK_FALSE(access.allows(peer("fe80::9%4")));
    CHECK_FALSE(access.allows(peer("2001:db8::9%3")));
    CHECK(list({"fe80::/10"}).allows(peer("fe80::9%4")));
}

TEST_CASE("nobody from outside may ask before there is a list") {
    dns::server::Admission admission;
    CHECK_FALSE(admission.may_ask(peer("10.0.0.1")));
    admission.set_access(std::make_shared<const AccessList>(list({"10.0.0.0/8"})));
    CHECK(admission.may_ask(peer("10.0.0.1")));
}
