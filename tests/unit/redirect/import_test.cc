#include "conf/redirect_toml.h"
#include "netfilter/plan/plan.h"
#include "netfilter/ruleset/print.h"
#include "src/meshgate-redirect/flags.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;

namespace {

using FlagList = std::vector<std::pair<std::string, std::string>>;

conf::Config of_flags(const FlagList& flags) {
    conf::kuma::Wishes wishes;
    apply_flags(flags, wishes);
    return wishes.config;
}

std::string rules(const conf::Config& config) {
    netfilter::Host host;
    for (const auto& exclusion : config.redirect.outbound.exclude) {
        host.exclude_users.push_back({std::get<conf::UidRange>(exclusion.users.front().who)});
    }
    return netfilter::to_nft(netfilter::plan(config, host).ruleset);
}

}  // namespace

TEST_CASE("flags written as TOML and read back are the same rules") {
    const FlagList lists[] = {
        {},
        {{"kuma-dp-user", "kuma-dp"}, {"redirect-dns", "true"}, {"exclude-inbound-ports", "22"}},
        {{"kuma-dp-user", "5678"},
         {"redirect-all-dns-traffic", "true"},
         {"redirect-dns-port", "5300"},
         {"skip-dns-conntrack-zone-split", "true"},
         {"ip-family-mode", "ipv4"},
         {"drop-invalid-packets", "true"},
         {"iptables-logs", "true"}},
        {{"redirect-inbound", "false"}, {"redirect-outbound-port", "1"}},
        {{"redirect-inbound-port", "2"},
         {"redirect-inbound-insert-instead-of-append", "true"},
         {"redirect-outbound-insert-instead-of-append", "true"},
         {"exclude-inbound-ports", "1,22-80,65535"},
         {"exclude-outbound-ports", "443"},
         {"exclude-inbound-ips", "10.0.0.1,fd00::/8,::1"},
         {"exclude-outbound-ips", "0.0.0.0/0"}},
        {{"exclude-outbound-ports-for-uids", "1000650000-1000659999"},
         {"exclude-outbound-ports-for-uids", "tcp:53,80-90:5"},
         {"exclude-outbound-ports-for-uids", "udp::0"},
         {"vnet", "docker0:172.17.0.0/16"},
         {"vnet", "docker0:fd00::/64"},
         {"vnet", "br-+:10.0.0.0/8"}},
    };
    for (const FlagList& flags : lists) {
        const auto config = of_flags(flags);
        const auto text = conf::redirect_toml(config);
        CAPTURE(text);
        const auto read = conf::parse(text, "import").config;
        CHECK(read == config);
        CHECK(rules(read) == rules(config));
        CHECK(text.empty() == flags.empty());
    }
}

TEST_CASE("what no flag can say is written as well") {
    for (const std::string toml :
         {"proxy.enabled = false", "proxy.enabled = false\nredirect.dns.enabled = true",
          "proxy.exempt_users = ['postgres', '1-5', 7]\nredirect.engine = 'nftables'",
          "proxy.user = ['kuma-dp', 7]\nproxy.exempt_groups = ['postgres', '1-5', 7]\n"
          "proxy.exempt_marks = ['0x539/0xfff', 4294967295, 1]",
          "redirect.inbound.include_ports = 80\nredirect.outbound.include_ports = ['1-2']",
          "redirect.outbound.enabled = false\nredirect.ip_family = 'ipv6'",
          "redirect.dns.protocols = ['udp', 'tcp']\nredirect.dns.conntrack_zone = 7",
          "resolv_conf = \"/a \\\"b\\\\c\\u0001\\u007Fé\"\nproxy.user = \"a\\\"b'[c]#=\""}) {
        CAPTURE(toml);
        const auto config = conf::parse(toml, "x").config;
        CHECK(conf::parse(conf::redirect_toml(config), "import").config == config);
    }
}
