#include "src/meshgate-redirect/probing/client_ground.h"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <set>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;
using Strings = std::vector<std::string>;

namespace {

constexpr std::array both{conf::Family::ipv4, conf::Family::ipv6};

conf::IpAddress client_ip(const char* text) {
    return *conf::IpAddress::parse(text);
}

conf::Network behind(const char* interface, std::vector<const char*> cidrs) {
    conf::Network network;
    network.interface = interface;
    for (const auto* cidr : cidrs) network.cidrs.push_back(*conf::Cidr::parse(cidr));
    return network;
}

const std::vector<InterfaceAddress> addresses{{"lo", client_ip("127.0.0.1")},
                                              {"docker0", client_ip("172.17.0.1")},
                                              {"docker0", client_ip("fe80::1")},
                                              {"lan0", client_ip("10.0.0.254")},
                                              {"lan0", client_ip("fd00::1")},
                                              {"br-1", client_ip("10.1.0.1")}};

/// "lan0 10.0.0.253 to 10.0.0.254", then what is left out.
Strings found(std::vector<conf::Network> networks, const std::set<std::string>& down = {},
              const std::set<std::string>& strict = {}) {
    conf::Redirect redirect;
    redirect.networks = std::move(networks);
    const InterfaceState state{
        .is_up = [&down](const std::string& name) { return !down.contains(name); },
        .is_strict = [&strict](const std::string& name) { return strict.contains(name); }};
    const auto ground = find_clients(redirect, both, addresses, state);
    Strings lines;
    for (const auto& client : ground.clients) {
        lines.push_back(client.interface + " " + client.address.to_string() + " to " +
                        client.here.to_string());
    }
    lines.insert(lines.end(), ground.left_out.begin(), ground.left_out.end());
    return lines;
}

}  // namespace

TEST_CASE("a client of each interface and family, with an address that is not this machine's") {
    CHECK(found({behind("lan0", {"10.0.0.0/24", "fd00::/64", "10.9.0.0/16"})}) ==
          Strings{"lan0 10.0.0.253 to 10.0.0.254",
                  "lan0 fd00::ffff:ffff:ffff:ffff to fd00::1"});
    CHECK(found({behind("br-*", {"10.1.0.0/31"})}) == Strings{"br-1 10.1.0.0 to 10.1.0.1"});
    // Each has its own.
    CHECK(found({behind("lan0", {"10.2.0.0/16"}), behind("br-+", {"10.2.0.0/16"})}) ==
          Strings{"lan0 10.2.255.254 to 10.0.0.254", "br-1 10.2.255.253 to 10.1.0.1"});
}

TEST_CASE("who cannot be probed is named with the reason") {
    CHECK(found({behind("eth7", {"10.0.0.0/24"})}) ==
          Strings{"clients behind eth7: there is no such interface with an address"});
    CHECK(found({behind("lan0", {"10.0.0.0/24"})}, {"lan0"}) ==
          Strings{"clients behind lan0: it is down"});
    CHECK(found({behind("docker0", {"fd01::/64"})}) ==
          Strings{"clients behind docker0: it has no IPv6 address that others can reach"});
    CHECK(found({behind("lan0", {"10.0.0.254/32"})}) ==
          Strings{"clients behind lan0: no address of 10.0.0.254/32 is free"});
    const auto strict = found({behind("lan0", {"10.0.0.0/24", "fd00::/64"})}, {}, {"lan0"});
    REQUIRE(strict.size() == 2);  // IPv6 has no such check
    CHECK(strict[0].starts_with("lan0 fd00::"));
    CHECK(strict[1].starts_with("clients behind lan0: rp_filter is strict there"));
    const std::vector<conf::Network> five(5, behind("br-1", {"10.1.0.0/16"}));
    const auto lines = found(five);
    CHECK(lines.size() == 5);
    CHECK(lines.back() == "clients behind br-1: only those of 4 networks are probed");
}
