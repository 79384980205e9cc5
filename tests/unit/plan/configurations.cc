#include "configurations.h"

#include "conf/load.h"

#include <algorithm>
#include <stdexcept>

namespace meshgate::netfilter::test {
namespace {

Host machine(std::vector<std::string> nameservers, std::vector<UidRange> exempt_users = {}) {
    Host host;
    host.exempt_users = std::move(exempt_users);
    for (const auto& text : nameservers) {
        host.nameservers.push_back(conf::SocketAddress::parse(text, 53).value());
    }
    return host;
}

Host with_resolver(std::vector<UidRange> users) {
    Host host = machine({"192.0.2.53"});
    host.resolver_users = std::move(users);
    return host;
}

Host with_exclusions(std::vector<std::vector<UidRange>> users) {
    Host host = machine({"192.0.2.53"});
    host.exclude_users = std::move(users);
    return host;
}

Host with_local_resolver(std::vector<Uid> users) {
    Host host = machine({"127.0.0.53"});
    host.local_resolvers = {{host.nameservers[0].address, "dnsmasq", std::move(users)}};
    return host;
}

std::vector<Configuration> make() {
    return {
        {"defaults", "", machine({"192.0.2.53"})},
        {"seed", R"(# kumactl install transparent-proxy --redirect-dns --exclude-inbound-ports 22
[redirect]
inbound.exclude_ports = 22
dns.enabled = true)",
         machine({"192.0.2.53", "198.51.100.53", "2001:db8::53"})},
        {"main_job", R"([redirect.inbound]
exclude_ports = [22]
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
[vip]
ipv6 = "fd00:fd00::/64")",
         machine({"192.0.2.53"})},
        {"everything", R"([proxy]
exempt_users = ["2000-2999", 1001]
[redirect]
drop_invalid = true
[redirect.inbound]
exclude_ports = [22, "8000-8100", 8101]
exclude_sources = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]
[redirect.outbound]
exclude_ports = [3306, "5432-5433"]
exclude_destinations = ["169.254.169.254", "10.0.0.0/9", "10.128.0.0/9", "fd00:ec2::254"]
exclude = [ { users = "1001-1010", protocols = ["tcp", "udp"], ports = ["53", "3000-5000"] },
            { users = 1200, protocols = "tcp", ports = 53 }, { users = [1300, 1302] } ]
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
conntrack_zone = 7
[[redirect.network]]
interface = "docker0"
cidr = ["172.17.0.0/16", "fd00:17::/64"]
[[redirect.network]]
interface = "br-+"
cidr = "172.18.0.0/16")",
         [] {
             Host host = machine({"192.0.2.53"}, {{2000, 2999}, {1001, 1001}});
             host.resolver_users = {{990, 990}};
             host.exclude_users = {{{1001, 1010}}, {{1200, 1200}}, {{1300, 1300}, {1302, 1302}}};
             return host;
         }()},
        {"includes", R"([redirect]
inbound.include_ports = [80, 443]
outbound.include_ports = ["1024-65535"])",
         machine({})},
        {"include_port_53", "[redirect]\noutbound.include_ports = [53, 80]", machine({})},
        {"exclude_port_53", "[redirect]\noutbound.exclude_ports = [53]", machine({})},
        {"inbound_only", "[redirect]\noutbound.enabled = false", machine({})},
        {"outbound_only", "[redirect]\ninbound.enabled = false", machine({})},
        {"dns_only", R"([proxy]
enabled = false
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"])",
         with_resolver({{5678, 5678}})},
        {"tcp_dns_only", R"([redirect.dns]
enabled = true
protocols = "tcp"
port = 15055)",
         machine({"192.0.2.53"})},
        {"ipv4_only", R"([redirect]
ip_family = "ipv4"
drop_invalid = true
outbound.exclude_destinations = ["198.51.100.0/24", "2001:db8::/32"]
dns.enabled = true)",
         machine({"192.0.2.53", "2001:db8::53"})},
        {"ipv6_only", R"([redirect]
ip_family = "ipv6"
dns.enabled = true
dns.capture = "all")",
         machine({"192.0.2.53", "2001:db8::53"})},
        {"nameservers", R"([redirect.dns]
enabled = true
protocols = ["udp", "tcp"])",
         machine({"127.0.0.53", "192.0.2.53", "192.0.2.53", "[fe80::1%eth0]:53", "fe80::2"})},
        {"network_without_proxy", R"([proxy]
enabled = false
[redirect.dns]
enabled = true
[[redirect.network]]
interface = "lan0"
cidr = "192.168.0.0/16")",
         with_resolver({{990, 990}})},
        {"network_without_dns", R"([[redirect.network]]
interface = "docker0"
cidr = "172.17.0.0/16")",
         machine({})},
        {"exclusions", R"([redirect.outbound]
exclude = [ { users = "61184-65519" }, { users = 1000650000, ports = 443 },
            { users = 1, protocols = "udp" } ]
[redirect.dns]
enabled = true)",
         with_exclusions({{{61184, 65519}}, {{1000650000, 1000650000}}, {{1, 1}}})},
        {"inserted", R"([redirect]
inbound.insert = true
outbound.insert = true
dns.enabled = true
dns.protocols = ["udp", "tcp"]
log_prefix = "mesh: "
[[redirect.network]]
interface = "docker0"
cidr = ["172.17.0.0/16", "172.19.0.0/16", "fd00:17::/64"])",
         machine({"192.0.2.53"})},
        {"local_resolver", R"([redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"])",
         with_local_resolver({112})},
        {"local_resolver_is_root", "[redirect]\ndns.enabled = true\ndns.capture = \"all\"",
         with_local_resolver({0})},
        {"no_zone", R"([redirect.dns]
enabled = true
capture = "all"
conntrack_zone = 0
[[redirect.network]]
interface = "docker0"
cidr = "172.17.0.0/16")",
         machine({"192.0.2.53"})},
        {"keys", R"(# users, groups and marks, mixed
[proxy]
user = [5678, 5680, 5679]
exempt_users = ["2000-2999"]
exempt_groups = [1337, "3000-3999", 1338]
exempt_marks = ["0x539/0xfff", 0x100, "0x53a/0xfff", "0x10000/0xff0000", 0x539]
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"])",
         [] {
             Host host = machine({"192.0.2.53"}, {{2000, 2999}});
             host.proxy_users = {5678, 5680, 5679};
             host.resolver_users = {{990, 990}};
             host.exempt_groups = {{1337, 1337}, {3000, 3999}, {1338, 1338}};
             return host;
         }()},
        {"open_while_down", R"([redirect.dns]  # a guard opens the set while nobody answers
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
on_resolver_down = "open")",
         machine({"192.0.2.53"})},
        {"nothing", "[proxy]\nenabled = false", machine({})},
    };
}

}  // namespace

const std::vector<Configuration>& configurations() {
    static const auto all = make();
    return all;
}

const Configuration& configuration(const std::string& name) {
    for (const auto* all : {&configurations(), &vip_configurations()}) {
        const auto found = std::ranges::find(*all, name, &Configuration::name);
        if (found != all->end()) return *found;
    }
    throw std::invalid_argument(name);
}

Plan plan_of(const Configuration& configuration) {
    return plan(conf::parse(configuration.toml, configuration.name).config, configuration.host);
}

Plan plan_of(const std::string& toml) {
    return plan_of({"test.toml", toml, machine({"192.0.2.53"})});
}

}  // namespace meshgate::netfilter::test
