#include "dns/zone/reverse.h"

#include "ask.h"
#include "dns/wire/text_name.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using dns::zone::ReverseName;
using test::in_words;
using test::table_of;

namespace {

constexpr std::uint16_t ptr = 12, ns = 2, soa = 6, txt = 16;

std::string denied(const std::string& apex) {
    return " aa rd ra |  | " + apex + ". 30 IN SOA " + apex +
           ". nobody.invalid. 1 3600 1200 604800 30";
}

/// "NETWORK", with "..." for labels that spell nothing; "" for a name in neither tree.
std::string spelt(const char* name) {
    const auto reverse = ReverseName::parse(dns::wire::to_wire(name));
    if (!reverse) return "";
    return reverse->network().to_string() + (reverse->exact() ? "" : " ...");
}

std::string nibbles(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "0.";
    return text;
}

}  // namespace

TEST_CASE("a reverse name spells a network") {
    struct Row {
        const char *name, *network;
    };
    for (const Row& row :
         {Row{"7.0.0.240.in-addr.arpa", "240.0.0.7/32"}, Row{"0.240.in-addr.arpa", "240.0.0.0/16"},
          Row{"in-addr.arpa", "0.0.0.0/0"}, Row{"x.240.in-addr.arpa", "240.0.0.0/8 ..."},
          Row{"0.x.240.in-addr.arpa", "240.0.0.0/8 ..."}, Row{"256.in-addr.arpa", "0.0.0.0/0 ..."},
          Row{"01.in-addr.arpa", "0.0.0.0/0 ..."},
          Row{"1.7.0.0.240.in-addr.arpa", "240.0.0.7/32 ..."},
          Row{"0/25.0.0.10.in-addr.arpa", "10.0.0.0/24 ..."}, Row{"0.0.d.f.ip6.arpa", "fd00::/16"},
          Row{"d.f.ip6.arpa", "fd00::/8"}, Row{"f.ip6.arpa", "f000::/4"},
          Row{"10.ip6.arpa", "::/0 ..."}, Row{"g.f.ip6.arpa", "f000::/4 ..."}, Row{"arpa", ""},
          Row{"xin-addr.arpa", ""}, Row{"mesh", ""}}) {
        CAPTURE(row.name);
        CHECK(spelt(row.name) == row.network);
    }
}

TEST_CASE("a label that holds the bytes of the tree's name is not the tree") {
    const std::vector<std::uint8_t> name{9,   'x', 7, 'i', 'n', '-', 'a', 'd',
                                         'd', 'r', 4, 'a', 'r', 'p', 'a', 0};
    CHECK_FALSE(ReverseName::parse(name).has_value());
}

TEST_CASE("the VIP range is a reverse zone of ours") {
    const auto table = table_of("[[service]]\nname = \"web\"\naddress = \"240.1.0.7\"\n");
    CHECK(in_words(*table, {"7.0.1.240.IN-ADDR.arpa", ptr}) ==
          "NOERROR aa rd ra | 7.0.1.240.IN-ADDR.arpa. 30 IN PTR web.mesh.");
    CHECK(in_words(*table, {"7.0.1.240.in-addr.arpa", txt}) ==
          "NOERROR" + denied("240.in-addr.arpa"));
    CHECK(in_words(*table, {"8.0.1.240.in-addr.arpa", ptr}) ==
          "NXDOMAIN" + denied("240.in-addr.arpa"));
    CHECK(in_words(*table, {"1.240.in-addr.arpa", ptr}) == "NOERROR" + denied("240.in-addr.arpa"));
    CHECK(in_words(*table, {"2.240.in-addr.arpa", ptr}) == "NXDOMAIN" + denied("240.in-addr.arpa"));
    CHECK(in_words(*table, {"240.in-addr.arpa", ptr}) == "NOERROR" + denied("240.in-addr.arpa"));
    CHECK(in_words(*table, {"255.in-addr.arpa", ptr}) == "NOERROR" + denied("255.in-addr.arpa"));
    CHECK(in_words(*table, {"www.240.in-addr.arpa", ptr}) ==
          "NXDOMAIN" + denied("240.in-addr.arpa"));
    CHECK(in_words(*table, {"240.in-addr.arpa", soa}).ends_with("604800 30"));
    CHECK(in_words(*table, {"240.in-addr.arpa", ns}) ==
          "NOERROR aa rd ra | 240.in-addr.arpa. 30 IN NS 240.in-addr.arpa.");
    CHECK(in_words(*table, {"239.in-addr.arpa", ptr}) == "forward");
    CHECK(in_words(*table, {"in-addr.arpa", ptr}) == "forward");
    CHECK(in_words(*table, {"1.0.0.127.in-addr.arpa", ptr}) == "forward");
}

TEST_CASE("what only holds the range is not ours") {
    const auto table = table_of("[vip]\nipv4 = \"10.9.8.0/22\"\n[[service]]\nname = \"web\"\n");
    CHECK(in_words(*table, {"9.10.in-addr.arpa", ptr}) == "forward");
    CHECK(in_words(*table, {"12.9.10.in-addr.arpa", ptr}) == "forward");
    CHECK(in_words(*table, {"1.9.9.10.in-addr.arpa", ptr}) ==
          "NXDOMAIN" + denied("9.9.10.in-addr.arpa"));
    CHECK(in_words(*table, {"0.8.9.10.in-addr.arpa", ptr}).ends_with("PTR web.mesh."));
}

TEST_CASE("a VIP pinned outside the range is a reverse zone by itself") {
    const auto table = table_of("[[service]]\nname = \"web\"\naddress = \"192.0.2.1\"\n");
    CHECK(in_words(*table, {"1.2.0.192.in-addr.arpa", ptr}).ends_with("PTR web.mesh."));
    CHECK(in_words(*table, {"1.2.0.192.in-addr.arpa", txt}) ==
          "NOERROR" + denied("1.2.0.192.in-addr.arpa"));
    CHECK(in_words(*table, {"2.2.0.192.in-addr.arpa", ptr}) == "forward");
    CHECK(in_words(*table, {"2.0.192.in-addr.arpa", ptr}) == "forward");
}

TEST_CASE("IPv6 VIPs have their names back, native and mapped") {
    const auto native = table_of("[vip]\nipv6 = \"fd00:fd00::/64\"\n[[service]]\nname = \"web\"\n");
    const std::string zone = nibbles(8) + "0.0.d.f.0.0.d.f.ip6.arpa";
    CHECK(in_words(*native, {nibbles(16) + zone, ptr}).ends_with("PTR web.mesh."));
    CHECK(in_words(*native, {"1." + nibbles(15) + zone, ptr}) == "NXDOMAIN" + denied(zone));
    CHECK(in_words(*native, {"0." + zone, ptr}) == "NOERROR" + denied(zone));
    CHECK(in_words(*native, {"1." + zone, ptr}) == "NXDOMAIN" + denied(zone));
    CHECK(in_words(*native, {"0.0.d.f.ip6.arpa", ptr}) == "forward");

    const auto mapped = table_of("[[service]]\nname = \"web\"\naddress = \"240.0.0.7\"\n");
    CHECK(in_words(*mapped, {"7.0.0.0.0.0.0.f.f.f.f.f." + nibbles(20) + "ip6.arpa", ptr})
              .ends_with("PTR web.mesh."));
}

TEST_CASE("PTR is the first service's name, under the first domain") {
    const auto table = table_of("[[record]]\nname = \"other.mesh\"\ntype = \"A\"\n"
                                "value = \"240.0.0.0\"\n[[service]]\nname = \"a_b\"\n");
    CHECK(in_words(*table, {"0.0.0.240.in-addr.arpa", ptr}).ends_with("PTR a_b.mesh."));
}
