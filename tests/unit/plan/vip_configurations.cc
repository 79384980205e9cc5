#include "configurations.h"

#include <utility>

namespace meshgate::netfilter::test {
namespace {

conf::IpAddress ip(const char* text) {
    return conf::IpAddress::parse(text).value();
}

VipService service(const char* name, const char* address4, std::vector<VipEndpoint> endpoints) {
    return {.name = name,
            .address4 = ip(address4),
            .address6 = {},
            .ports = {80},
            .protocols = {Protocol::tcp},
            .balance = conf::Balance::random,
            .endpoints = std::move(endpoints),
            .has_named_endpoints = false,
            .where = {}};
}

/// Every balance, both protocols and families, one without an endpoint.
Host appliance() {
    auto shop = service("shop", "240.0.0.0",
                        {{ip("192.0.2.20"), 8080, 1}, {ip("192.0.2.21"), 8080, 3},
                         {ip("2001:db8::20"), 8080, 1}});
    shop.address6 = ip("fd00:fd00::");
    shop.ports = {80, 443};
    auto turns = service("turns", "240.0.0.1", {{ip("192.0.2.20"), 53, 1}});
    turns.balance = conf::Balance::round_robin;
    turns.protocols = {Protocol::tcp, Protocol::udp};
    auto sticky = service("sticky", "240.0.0.2", {{ip("192.0.2.22"), 80, 1}});
    sticky.balance = conf::Balance::client_hash;
    Host host;
    host.vips = {shop, turns, sticky, service("empty", "240.0.0.3", {})};
    return host;
}

/// A name server of the mesh, and a service that is none.
Host with_name_server() {
    auto names = service("names", "240.0.0.0", {{ip("192.0.2.20"), 5353, 1}});
    names.ports = {53};
    names.protocols = {Protocol::tcp, Protocol::udp};
    Host host;
    host.vips = {names, service("shop", "240.0.0.1", {{ip("192.0.2.21"), 80, 1}})};
    return host;
}

/// One service of many is the kernel's.
Host beside_a_proxy() {
    Host host;
    host.nameservers.push_back(conf::SocketAddress::parse("192.0.2.53", 53).value());
    host.vips = {service("shop", "10.99.0.1", {{ip("192.0.2.20"), 8080, 1}})};
    return host;
}

}  // namespace

const std::vector<Configuration>& vip_configurations() {
    static const std::vector<Configuration> all{
        {"kernel_vips", R"([proxy]
enabled = false
[redirect.dns]
enabled = true
capture = "all"
[[redirect.network]]
interface = "lan0"
cidr = ["10.0.2.0/24", "fd00:2::/64"]
[vip]
mode = "kernel"
ipv6 = "fd00:fd00::/64")",
         appliance()},
        {"kernel_vips_beside_proxy", R"([redirect.inbound]
exclude_ports = [22]
[[service]]
name = "shop"
via = "kernel"
address = "10.99.0.1"
endpoints = "192.0.2.20:8080")",
         beside_a_proxy()},
        {"kernel_vips_dns", R"([proxy]
enabled = false
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
on_resolver_down = "open"
[[redirect.network]]
interface = "lan0"
cidr = "10.0.2.0/24"
[vip]
mode = "kernel")",
         with_name_server()},
    };
    return all;
}

}  // namespace meshgate::netfilter::test
