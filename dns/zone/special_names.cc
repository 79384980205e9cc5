#include "dns/zone/special_names.h"

#include "dns/wire/question.h"
#include "dns/wire/text_name.h"

#include <string>
#include <string_view>

namespace meshgate::dns::zone {
namespace {

constexpr std::uint32_t special_ttl = 10800;  // RFC 6303 section 3

constexpr std::string_view localhost_reverse6 =
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";

// RFC 6303 section 4: sections 4.1 to 4.5; RFC 7793.
constexpr std::string_view private_networks[] = {
    "10.0.0.0/8",   "172.16.0.0/12", "192.168.0.0/16",  "169.254.0.0/16",
    "192.0.2.0/24", "100.64.0.0/10", "198.51.100.0/24", "203.0.113.0/24",
    "fd00::/8",     "fe80::/10",     "2001:db8::/32"};

void add(Contents& to, std::string_view owner, std::uint16_t type,
         std::vector<std::uint8_t> rdata) {
    to.records.push_back({wire::to_wire(owner), type, special_ttl, std::move(rdata), "", {}});
}

std::vector<std::uint8_t> address(std::string_view text) {
    const auto parsed = conf::IpAddress::parse(text).value();
    return {parsed.bytes().begin(), parsed.bytes().end()};
}

}  // namespace

Contents special_names(conf::PrivateReverse private_reverse) {
    Contents contents;
    contents.ttl = special_ttl;
    contents.domains = {"localhost",
                        "invalid",
                        "onion",
                        "resolver.arpa",
                        "_dns.resolver.arpa",
                        "127.in-addr.arpa",
                        std::string{localhost_reverse6}};
    for (const std::string_view owner : {"localhost", "*.localhost"}) {
        add(contents, owner, wire::type::a, address("127.0.0.1"));
        add(contents, owner, wire::type::aaaa, address("::1"));
    }
    for (const std::string_view owner :
         {std::string_view{"1.0.0.127.in-addr.arpa"}, localhost_reverse6}) {
        add(contents, owner, wire::type::ptr, wire::to_wire("localhost"));
    }
    for (const std::string_view network : {"0.0.0.0/8", "255.255.255.255", "::"}) {
        contents.reverse_ranges.push_back(conf::Cidr::parse(network).value());
    }
    if (private_reverse == conf::PrivateReverse::local) {
        for (const std::string_view network : private_networks) {
            contents.reverse_ranges.push_back(conf::Cidr::parse(network).value());
        }
    }
    return contents;
}

}  // namespace meshgate::dns::zone
