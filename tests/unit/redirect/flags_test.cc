#include "src/meshgate-redirect/flags.h"

#include "conf/load.h"
#include "src/common/command_line.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;

namespace {

using FlagList = std::vector<std::pair<std::string, std::string>>;
using Ports = std::vector<conf::PortRange>;

conf::Config with(const FlagList& flags, const std::string& toml = "") {
    conf::kuma::Wishes wishes;
    wishes.config = conf::parse(toml, "test.toml").config;
    apply_flags(flags, wishes);
    return wishes.config;
}

std::string usage_error(const FlagList& flags) {
    conf::kuma::Wishes wishes;
    try {
        apply_flags(flags, wishes);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("without flags the file stands") {
    const std::string toml = "[redirect.inbound]\nexclude_ports = [22, 80]\n"
                             "[redirect.dns]\nenabled = true\ncapture = \"all\"";
    CHECK(with({}, toml) == conf::parse(toml, "test.toml").config);
    CHECK(with({}) == conf::Config{});
}

TEST_CASE("DNS flags") {
    using conf::DnsCaptureMode;
    const auto dns = [](const FlagList& flags, const std::string& toml = "") {
        return with(flags, toml).redirect.dns;
    };
    CHECK(dns({{"redirect-dns", "true"}}).enabled);
    CHECK(dns({{"redirect-dns", "true"}}).capture == DnsCaptureMode::resolv_conf);
    CHECK(dns({{"redirect-all-dns-traffic", "true"}}).enabled);
    CHECK(dns({{"redirect-all-dns-traffic", "true"}}).capture == DnsCaptureMode::all);
    CHECK(dns({{"redirect-dns-port", "5353"}}).port == 5353);
    CHECK_FALSE(dns({{"redirect-dns-port", "5353"}}).enabled);

    const std::string on = "[redirect.dns]\nenabled = true\ncapture = \"all\"\nport = 1053";
    CHECK_FALSE(dns({{"redirect-dns", "false"}}, on).enabled);
    CHECK(dns({{"redirect-dns", "true"}}, on).capture == DnsCaptureMode::all);  // not its business
    CHECK(dns({{"redirect-all-dns-traffic", "false"}}, on).capture == DnsCaptureMode::resolv_conf);
    CHECK(dns({{"redirect-all-dns-traffic", "false"}}, on).enabled);
    CHECK(dns({{"redirect-dns", "true"}}, on).port == 1053);
    CHECK(usage_error({{"redirect-dns", "true"}, {"redirect-all-dns-traffic", "true"}}) ==
          "use one of --redirect-dns and --redirect-all-dns-traffic");
    CHECK(usage_error({{"redirect-dns", "false"}, {"redirect-all-dns-traffic", "true"}}) == "");
}

TEST_CASE("port lists replace the file's, and add up among themselves") {
    const std::string toml =
        "[redirect]\ninbound.exclude_ports = [1]\noutbound.exclude_ports = [2]";
    const auto config = with(
        {{"exclude-inbound-ports", "22,8000-8100"}, {"exclude-inbound-ports", " 443 , 80"}}, toml);
    CHECK(config.redirect.inbound.exclude_ports ==
          Ports{{22, 22}, {8000, 8100}, {443, 443}, {80, 80}});
    CHECK(config.redirect.outbound.exclude_ports == Ports{{2, 2}});
    CHECK(with({{"exclude-outbound-ports", "1-65535"}}, toml).redirect.outbound.exclude_ports ==
          Ports{{1, 65535}});
    CHECK(with({{"exclude-inbound-ports", ""}}, toml).redirect.inbound.exclude_ports.empty());
}

TEST_CASE("the user is a name or any uid but the last") {
    const auto who = [](const std::string& value) {
        return with({{"kuma-dp-user", value}}, "[proxy]\nuser = [1, 2]").proxy.user.at(0);
    };
    CHECK(std::get<std::string>(who("kuma-dp").who) == "kuma-dp");
    CHECK(who("kuma-dp").where.to_string() == "--kuma-dp-user");
    CHECK(std::get<conf::UidRange>(who("0").who) == conf::UidRange{0, 0});
    CHECK(std::get<conf::UidRange>(who("4294967294").who) ==
          conf::UidRange{4294967294, 4294967294});
    CHECK(usage_error({{"kuma-dp-user", "4294967295"}}) ==
          "--kuma-dp-user: '4294967295' is not a user name or a uid");
    CHECK(usage_error({{"kuma-dp-user", ""}}) != "");
}

TEST_CASE("a value that is none is a usage error, and nothing else is") {
    for (const std::string value : {"0", "65536", "70000", "x", "22,", ",22", "22,,23", "5-", "-5",
                                    "9-5", "1-2-3", "+22", "22 23", "0x16", "22;23"}) {
        CAPTURE(value);
        CHECK(usage_error({{"exclude-inbound-ports", value}})
                  .starts_with("--exclude-inbound-ports: "));
    }
    for (const std::string value : {"", "0", "65536", "53x", "1-2"}) {
        CHECK(usage_error({{"redirect-dns-port", value}}) ==
              "--redirect-dns-port: '" + value + "' is not a port (1 to 65535)");
    }
}

TEST_CASE("the flags that are one key each") {
    struct Row {
        std::string flag;
        std::string value;
        std::string toml;
    };
    const Row rows[] = {
        {"ip-family-mode", "ipv4", "redirect.ip_family = 'ipv4'"},
        {"ip-family-mode", "IPv4", "redirect.ip_family = 'ipv4'"},
        {"ip-family-mode", "", ""},
        {"ip-family-mode", "dualstack", ""},
        {"drop-invalid-packets", "true", "redirect.drop_invalid = true"},
        {"redirect-inbound", "false", "redirect.inbound.enabled = false"},
        {"redirect-inbound-port", "16006", "redirect.inbound.port = 16006"},
        {"redirect-outbound-port", "16001", "redirect.outbound.port = 16001"},
        {"redirect-inbound-insert-instead-of-append", "true", "redirect.inbound.insert = true"},
        {"redirect-outbound-insert-instead-of-append", "true", "redirect.outbound.insert = true"},
        {"skip-dns-conntrack-zone-split", "true", "redirect.dns.conntrack_zone = 0"},
        {"skip-dns-conntrack-zone-split", "false", ""},
        {"iptables-logs", "true", "redirect.log_prefix = 'meshgate: '"},
        {"exclude-inbound-ips", "10.0.0.1, fd00::/8",
         "redirect.inbound.exclude_sources = ['10.0.0.1', 'fd00::/8']"},
        {"exclude-outbound-ips", "169.254.169.254",
         "redirect.outbound.exclude_destinations = '169.254.169.254'"},
        {"vnet", "br-+:::/64", "redirect.network = [{interface = 'br-+', cidr = '::/64'}]"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.flag);
        CHECK(with({{row.flag, row.value}}) == conf::parse(row.toml, "x").config);
    }
    const std::string logging = "redirect.log_prefix = 'mine'\nredirect.dns.conntrack_zone = 7";
    CHECK(with({{"iptables-logs", "true"}}, logging).redirect.log_prefix == "mine");
    CHECK(with({{"iptables-logs", "false"}}, logging).redirect.log_prefix.empty());
    CHECK(with({{"skip-dns-conntrack-zone-split", "false"}}, logging).redirect.dns.conntrack_zone ==
          7);
}

TEST_CASE("exclusions for users have kumactl's grammar with 32-bit uids") {
    struct Row {
        std::string value;
        std::string toml;
    };
    const Row rows[] = {
        {"1000", "{users = 1000}"},
        {"1000650000-1000659999", "{users = '1000650000-1000659999'}"},
        {"53,3000-5000:106-108", "{users = '106-108', ports = [53, '3000-5000']}"},
        {"*:0", "{users = 0}"},
        {":0", "{users = 0}"},
        {"tcp:80:4294967294", "{users = 4294967294, protocols = 'tcp', ports = 80}"},
        {"UDP::5", "{users = 5, protocols = 'udp'}"},
        {"tcp,udp:80:5", "{users = 5, ports = 80}"},
        {"*:*:5", "{users = 5}"},
        {"::5", "{users = 5}"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        const auto wanted = conf::parse("redirect.outbound.exclude = [" + row.toml + "]", "x");
        CHECK(with({{"exclude-outbound-ports-for-uids", row.value}}) == wanted.config);
    }
    const auto several = with(
        {{"exclude-outbound-ports-for-uids", "tcp:22:1"}, {"exclude-outbound-ports-for-uids", "2"}},
        "redirect.outbound.exclude = [{users = 9}]");
    CHECK(several.redirect.outbound.exclude.size() == 2);
}

TEST_CASE("several networks behind one interface add up") {
    const auto networks = with({{"vnet", "docker0:172.17.0.0/16"},
                                {"vnet", "br0:10.0.0.0/8"},
                                {"vnet", "docker0:172.18.0.0/16"},
                                {"vnet", "docker0:172.17.0.0/16"},
                                {"vnet", "docker0:fd00::/64"}},
                               "redirect.network = [{interface = 'old', cidr = '10.0.0.0/8'}]")
                              .redirect.networks;
    REQUIRE(networks.size() == 2);
    CHECK(networks[0].interface == "docker0");
    CHECK(networks[0].cidrs.size() == 3);
    CHECK(networks[1].interface == "br0");
}

TEST_CASE("a value that no rule could be made of says what would do") {
    const std::string uids = "exclude-outbound-ports-for-uids";
    struct Row {
        std::string flag;
        std::string value;
        std::string message;
    };
    const Row rows[] = {
        {uids, "a:b:c:1",
         "'a:b:c:1' has more than three parts: write UIDS, PORTS:UIDS or "
         "PROTOCOLS:PORTS:UIDS"},
        {uids, "tcp:80:*", "'*' is not a uid: for every user exclude the ports or the addresses"},
        {uids, "80:1,2", "'1,2' is more than one uid or range: give each its own value"},
        {uids, "", "'' is not a uid (0 to 4294967294) or a range such as 106-108"},
        {uids, "80:bob", "'bob' is not a uid (0 to 4294967294) or a range such as 106-108"},
        {uids, "9-5", "'9-5' is not a uid (0 to 4294967294) or a range such as 106-108"},
        {uids, "4294967295",
         "'4294967295' is not a uid (0 to 4294967294) or a range such as 106-108"},
        {uids, "0:5", "'0' is not a port (1 to 65535) or a range such as 8000-8100"},
        {uids, "sctp:80:5", "'sctp' is not a protocol: tcp, udp or * for both"},
        {"exclude-inbound-ips", "", "'' is not an address or a network such as 10.0.0.0/8"},
        {"exclude-inbound-ips", "10.0.0.1,",
         "'' is not an address or a network such as 10.0.0.0/8"},
        {"exclude-outbound-ips", "example.com",
         "'example.com' is not an address or a network such as 10.0.0.0/8"},
        {"exclude-outbound-ips", "10.0.0.0/33",
         "'10.0.0.0/33' is not an address or a network such as 10.0.0.0/8"},
        {"exclude-outbound-ips", "10.1.2.3/8",
         "'10.1.2.3/8' has bits set after the prefix: write 10.0.0.0/8"},
        {"vnet", "docker0", "'docker0' is not INTERFACE:NETWORK such as docker0:172.17.0.0/16"},
        {"vnet", "docker0:", "'' is not an address or a network such as 10.0.0.0/8"},
        {"vnet", ":10.0.0.0/8",
         "'' is not an interface name (1 to 15 bytes, '+' at the end for any rest)"},
        {"vnet", "br0:::1/64", "'::1/64' has bits set after the prefix: write ::/64"},
        {"ip-family-mode", "IPv5", "'IPv5' is not dualstack, ipv4 or ipv6"},
        {"redirect-inbound-port", "0", "'0' is not a port (1 to 65535)"},
        {"redirect-outbound-port", "1-2", "'1-2' is not a port (1 to 65535)"},
        {"kuma-dp-user", "a b", "'a b' is not a user name or a uid"},
    };
    for (const Row& row : rows) {
        CHECK(usage_error({{row.flag, row.value}}) == "--" + row.flag + ": " + row.message);
    }
}

TEST_CASE("hostile text is refused by every flag that takes text, and shown harmless") {
    for (const std::string text :
         {"$(id)", "`id`", "; nft flush ruleset", "\" accept", "eth0\";drop", "1\n2", "\x1b[2J",
          "{ 1, 2 }", "../../etc/passwd", "-1", "99999999999999999999", "1:2:3:4:5",
          "br\"0:10.0.0.0/8", "br 0:10.0.0.0/8", "0x10", "1e3", "\xff\xfe:1", "% s%n"}) {
        for (const auto& setting : conf::kuma::settings()) {
            using Kind = conf::kuma::Setting::Kind;
            if (setting.flag.empty() || setting.kind == Kind::toggle || !setting.apply) continue;
            if (setting.flag == "kuma-dp-user" && usage_error({{"kuma-dp-user", text}}).empty()) {
                continue;  // an odd name is looked up, and not found
            }
            CAPTURE(setting.flag);
            CAPTURE(text);
            const auto message = usage_error({{std::string{setting.flag}, text}});
            CHECK(message.starts_with("--" + std::string{setting.flag} + ": "));
            CHECK(message.find_first_of("\n\x1b") == message.npos);
        }
    }
}

TEST_CASE("what means nothing here is taken and named") {
    conf::kuma::Wishes wishes;
    apply_flags({{"wait", "5"},
                 {"wait-interval", "0"},
                 {"max-retries", "4"},
                 {"sleep-between-retries", "2s"},
                 {"iptables-executables", "iptables:/sbin/iptables"},
                 {"disable-comments", "true"},
                 {"wait", "6"},
                 {"skip-resolv-conf", "true"},
                 {"ebpf-cgroup-path", "/x"}},
                wishes);
    CHECK(wishes.config == conf::Config{});
    CHECK(wishes.ignored == std::vector<std::string>{
                                "--skip-resolv-conf", "--wait", "--wait-interval", "--max-retries",
                                "--sleep-between-retries", "--iptables-executables",
                                "--disable-comments", "--ebpf-cgroup-path"});
    CHECK_FALSE(wishes.store_firewalld);
    apply_flags({{"store-firewalld", "true"}}, wishes);
    CHECK(wishes.store_firewalld);
}

TEST_CASE("flags of older releases are what stands for them today, or say what to write") {
    CHECK(with({{"kuma-dp-uid", "106"}}) == with({{"kuma-dp-user", "106"}}));
    CHECK(with({{"exclude-outbound-tcp-ports-for-uids", "80:5"},
                {"exclude-outbound-udp-ports-for-uids", "5"},
                {"exclude-outbound-ports-for-uids", "7"}}) ==
          with({{"exclude-outbound-ports-for-uids", "tcp:80:5"},
                {"exclude-outbound-ports-for-uids", "udp::5"},
                {"exclude-outbound-ports-for-uids", "7"}}));
    const std::pair<std::string, std::string> refused[] = {
        {"redirect-inbound-port-v6", "--redirect-inbound-port"},
        {"kuma-cp-ip", "--redirect-dns"},
        {"use-transparent-proxy-engine-v1", "leave it out"},
    };
    CHECK(usage_error({{"ebpf-enabled", "true"}}) ==
          "--ebpf-enabled: there is no eBPF mode: leave it out");
    CHECK(with({{"ebpf-enabled", "false"}, {"ebpf-instance-ip", "10.0.0.1"}}) == conf::Config{});
    for (const auto& [flag, instead] : refused) {
        const auto message = usage_error({{flag, "true"}});
        CAPTURE(message);
        CHECK(message.starts_with("--" + flag + " is no flag any more: "));
        CHECK(message.find(instead) != message.npos);
    }
}

TEST_CASE("flags and file may contradict each other") {
    const auto wrong = [](const FlagList& flags, const std::string& toml = "") {
        const auto found = conf::contradictions(with(flags, toml));
        return found.empty() ? "" : found.front().to_string();
    };
    CHECK(wrong({{"exclude-inbound-ports", "22"}}, "[redirect]\ninbound.include_ports = 80") ==
          "'redirect.inbound.include_ports' and 'redirect.inbound.exclude_ports' contradict each "
          "other: use one");
    CHECK(wrong({{"redirect-dns", "true"}, {"redirect-dns-port", "15001"}}) ==
          "'redirect.outbound.port' and 'redirect.dns.port' are both 15001");
    CHECK(wrong({{"redirect-dns-port", "15001"}}) == "");
    CHECK(wrong({{"redirect-inbound-port", "15001"}}) ==
          "'redirect.inbound.port' and 'redirect.outbound.port' are both 15001");
    const std::string own = "'redirect.inbound.exclude_ports' has 15006, which is "
                            "'redirect.inbound.port': the proxy's own port cannot be excluded";
    CHECK(wrong({{"exclude-inbound-ports", "22,15006"}}) == own);
    CHECK(wrong({{"exclude-inbound-ports", "15000-16000"}}) == own);
    CHECK(wrong({{"exclude-inbound-ports", "15006"}, {"redirect-inbound-port", "16006"}}) == "");
    CHECK(wrong({{"exclude-inbound-ports", "15006"}, {"redirect-inbound", "false"}}) == "");
    for (const std::string root : {"root", "0", "00"}) {
        CHECK(wrong({{"kuma-dp-user", root}})
                  .starts_with("--kuma-dp-user: 'proxy.user' cannot be root: "));
    }
}
