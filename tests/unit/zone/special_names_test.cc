#include "dns/zone/special_names.h"

#include "ask.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using conf::PrivateReverse;
using test::in_words;

namespace {

constexpr std::uint16_t a = 1, ns = 2, soa = 6, ptr = 12, mx = 15, aaaa = 28, svcb = 64;

std::string zeros(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "0.";
    return text;
}

/// What becomes of a question: the answers, or "NODATA apex", "NXDOMAIN apex", "forward".
std::string outcome(const dns::zone::Table& table, const std::string& name, std::uint16_t type) {
    const std::string words = in_words(table, {.name = name, .type = type});
    if (words == "forward") return words;
    const auto first = words.find(" | ") + 3;
    const auto second = words.find(" | ", first);
    const std::string answer = words.substr(first, second - first);
    if (!answer.empty()) return answer;
    const std::string authority = words.substr(second + 3);
    const std::string apex = authority.substr(0, authority.find(' '));
    return (words.starts_with("NXDOMAIN") ? "NXDOMAIN " : "NODATA ") + apex;
}

}  // namespace

TEST_CASE("special-use names: what each of them is told") {
    const auto table = dns::zone::build(dns::zone::special_names(PrivateReverse::forward));
    const std::string here6 = "1." + zeros(31) + "ip6.arpa";
    struct Row {
        std::string name;
        std::uint16_t type;
        std::string outcome;
    };
    const Row rows[] = {
        {"localhost", a, "localhost. 10800 IN A 127.0.0.1"},
        {"LOCALhost", aaaa, "LOCALhost. 10800 IN AAAA ::1"},
        {"db.localhost", a, "db.localhost. 10800 IN A 127.0.0.1"},
        {"a.b.localhost", aaaa, "a.b.localhost. 10800 IN AAAA ::1"},
        {"localhost", mx, "NODATA localhost."},
        {"x.localhost", svcb, "NODATA localhost."},
        {"localhost", ns, "localhost. 10800 IN NS localhost."},
        {"1.0.0.127.in-addr.arpa", ptr, "1.0.0.127.in-addr.arpa. 10800 IN PTR localhost."},
        {"2.0.0.127.in-addr.arpa", ptr, "NXDOMAIN 127.in-addr.arpa."},
        {"0.0.127.in-addr.arpa", ptr, "NODATA 127.in-addr.arpa."},
        {"127.in-addr.arpa", ptr, "NODATA 127.in-addr.arpa."},
        {here6, ptr, here6 + ". 10800 IN PTR localhost."},
        {zeros(32) + "ip6.arpa", ptr, "NODATA " + zeros(32) + "ip6.arpa."},
        {"7.0.0.0.in-addr.arpa", ptr, "NXDOMAIN 0.in-addr.arpa."},
        {"255.255.255.255.in-addr.arpa", ptr, "NODATA 255.255.255.255.in-addr.arpa."},
        {"254.255.255.255.in-addr.arpa", ptr, "forward"},
        {"invalid", a, "NODATA invalid."},
        {"www.invalid", a, "NXDOMAIN invalid."},
        {"duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion", a, "NXDOMAIN onion."},
        {"onion", soa, "onion. 30 IN SOA onion. nobody.invalid. 1 3600 1200 604800 30"},
        {"_dns.resolver.arpa", svcb, "NODATA _dns.resolver.arpa."},
        {"resolver.arpa", a, "NODATA resolver.arpa."},
        {"x.resolver.arpa", a, "NXDOMAIN resolver.arpa."},
        // Others may know these.
        {"ipv4only.arpa", aaaa, "forward"},
        {"nas.home.arpa", a, "forward"},
        {"app.test", a, "forward"},
        {"printer.local", a, "forward"},
        {"example.com", a, "forward"},
        {"alt", a, "forward"},
        {"localhost.example", a, "forward"},
        {"notlocalhost", a, "forward"},
        {"arpa", a, "forward"},
        {"in-addr.arpa", ns, "forward"},
        {"5.0.0.10.in-addr.arpa", ptr, "forward"},
        {"1.1.168.192.in-addr.arpa", ptr, "forward"},
        {"d.f.ip6.arpa", soa, "forward"},
        {"8.8.8.8.in-addr.arpa", ptr, "forward"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CAPTURE(row.type);
        CHECK(outcome(*table, row.name, row.type) == row.outcome);
    }
}

TEST_CASE("the reverse names of private networks end here when that is asked for") {
    const auto table = dns::zone::build(dns::zone::special_names(PrivateReverse::local));
    struct Row {
        const char *name, *outcome;
    };
    const Row rows[] = {
        {"5.0.0.10.in-addr.arpa", "NXDOMAIN 10.in-addr.arpa."},
        {"10.in-addr.arpa", "NODATA 10.in-addr.arpa."},
        {"1.16.172.in-addr.arpa", "NXDOMAIN 16.172.in-addr.arpa."},
        {"9.31.172.in-addr.arpa", "NXDOMAIN 31.172.in-addr.arpa."},
        {"9.32.172.in-addr.arpa", "forward"},
        {"172.in-addr.arpa", "forward"},
        {"1.1.168.192.in-addr.arpa", "NXDOMAIN 168.192.in-addr.arpa."},
        {"254.169.254.169.in-addr.arpa", "NXDOMAIN 254.169.in-addr.arpa."},
        {"1.64.100.in-addr.arpa", "NXDOMAIN 64.100.in-addr.arpa."},
        {"1.127.100.in-addr.arpa", "NXDOMAIN 127.100.in-addr.arpa."},
        {"1.128.100.in-addr.arpa", "forward"},
        {"1.2.0.192.in-addr.arpa", "NXDOMAIN 2.0.192.in-addr.arpa."},
        {"1.100.51.198.in-addr.arpa", "NXDOMAIN 100.51.198.in-addr.arpa."},
        {"1.113.0.203.in-addr.arpa", "NXDOMAIN 113.0.203.in-addr.arpa."},
        {"1.d.f.ip6.arpa", "NXDOMAIN d.f.ip6.arpa."},
        {"0.8.e.f.ip6.arpa", "NXDOMAIN 8.e.f.ip6.arpa."},
        {"0.b.e.f.ip6.arpa", "NXDOMAIN b.e.f.ip6.arpa."},
        {"0.c.e.f.ip6.arpa", "forward"},
        {"1.8.b.d.0.1.0.0.2.ip6.arpa", "NXDOMAIN 8.b.d.0.1.0.0.2.ip6.arpa."},
        {"8.8.8.8.in-addr.arpa", "forward"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(outcome(*table, row.name, ptr) == row.outcome);
    }
}
