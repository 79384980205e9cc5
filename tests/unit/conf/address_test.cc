#include "conf/address.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate::conf;

TEST_CASE("an address is what inet_pton takes, nothing around it") {
    for (const char* text : {"0.0.0.0", "240.0.0.0", "255.255.255.255", "::", "::1", "fe80::1",
                             "2001:db8::1", "::ffff:240.0.0.1"}) {
        CAPTURE(text);
        const auto address = IpAddress::parse(text);
        REQUIRE(address);
        CHECK(address->to_string() == text);
    }
    for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4/8",
                             "[::1]", "fe80::1%eth0", "::1:", "1.2.3.4 ", "localhost"}) {
        CAPTURE(text);
        CHECK_FALSE(IpAddress::parse(text));
    }
}

TEST_CASE("an address knows its kind") {
    const auto is = [](const char* text) { return IpAddress::parse(text).value(); };
    CHECK(is("127.0.0.53").is_loopback());
    CHECK(is("::1").is_loopback());
    CHECK_FALSE(is("::2").is_loopback());
    CHECK(is("169.254.169.254").is_link_local());
    CHECK(is("febf::1").is_link_local());
    CHECK_FALSE(is("fec0::1").is_link_local());
    CHECK(is("0.0.0.0").is_unspecified());
    CHECK(is("::").is_unspecified());
    CHECK(is("10.0.0.9") < is("10.0.0.10"));
    CHECK(is("255.0.0.0") < is("::"));
}

TEST_CASE("a network has no bit below its prefix") {
    struct Row {
        const char *text, *printed, *last;
    };
    for (const Row& row :
         {Row{"10.0.0.0/8", "10.0.0.0/8", "10.255.255.255"},
          Row{"192.0.2.1", "192.0.2.1/32", "192.0.2.1"},
          Row{"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"},
          Row{"240.0.0.0/4", "240.0.0.0/4", "255.255.255.255"},
          Row{"fd00:fd00::/63", "fd00:fd00::/63", "fd00:fd00:0:1:ffff:ffff:ffff:ffff"},
          Row{"::1", "::1/128", "::1"}}) {
        CAPTURE(row.text);
        const auto network = Cidr::parse(row.text);
        REQUIRE(network);
        CHECK(network->to_string() == row.printed);
        CHECK(network->last().to_string() == row.last);
        CHECK(network->contains(network->last()));
        CHECK(network->contains(*network));
    }
    for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08",
                             "10.0.0.0/-1", "10.0.0.0/8 ", "/8", "fd00::1/64"}) {
        CAPTURE(text);
        CHECK_FALSE(Cidr::parse(text));
    }
}

TEST_CASE("a network contains what is below it, in its own family") {
    const auto network = Cidr::parse("10.0.0.0/9").value();
    CHECK(network.contains(IpAddress::parse("10.127.255.255").value()));
    CHECK_FALSE(network.contains(IpAddress::parse("10.128.0.0").value()));
    CHECK_FALSE(network.contains(IpAddress::parse("::").value()));
    CHECK(network.contains(Cidr::parse("10.1.0.0/16").value()));
    CHECK_FALSE(network.contains(Cidr::parse("10.0.0.0/8").value()));
}

TEST_CASE("a socket address has a port, of its own or by default") {
    struct Row {
        const char* text;
        std::uint16_t default_port;
        const char* printed;
    };
    for (const Row& row :
         {Row{"192.0.2.1:53", 0, "192.0.2.1:53"}, Row{"192.0.2.1", 53, "192.0.2.1:53"},
          Row{"[2001:db8::1]:5300", 53, "[2001:db8::1]:5300"},
          Row{"[2001:db8::1]", 53, "[2001:db8::1]:53"}, Row{"::1", 53, "[::1]:53"},
          Row{"[fe80::1%eth0]:53", 0, "[fe80::1%eth0]:53"},
          Row{"fe80::1%eth0", 53, "[fe80::1%eth0]:53"}}) {
        CAPTURE(row.text);
        const auto address = SocketAddress::parse(row.text, row.default_port);
        REQUIRE(address);
        CHECK(address->to_string() == row.printed);
    }
    for (const char* text :
         {"", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:53x",
          "192.0.2.1:", "[192.0.2.1]:53", "[::1:53", "[::1]53", "::1", "1.2.3.4%eth0:53",
          "[fe80::1%]:53", "[fe80::1%name-too-long-for-it]:53"}) {
        CAPTURE(text);
        CHECK_FALSE(SocketAddress::parse(text, 0));
    }
}
