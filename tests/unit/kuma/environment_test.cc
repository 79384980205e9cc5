#include "conf/kuma/environment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

using namespace meshgate::conf;

namespace {

const std::string prefix = "KUMA_TRANSPARENT_PROXY_";

kuma::Wishes with(std::vector<std::string> variables, const std::string& toml = "") {
    kuma::Wishes wishes;
    wishes.config = parse(toml, "x").config;
    for (auto& variable : variables) variable.insert(0, prefix);
    kuma::apply_environment(variables, wishes);
    return wishes;
}

std::string error_of(const std::string& variable) {
    try {
        with({variable});
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("each variable is one key, and replaces what a file says") {
    struct Row {
        std::string variable;
        std::string toml;
    };
    const Row rows[] = {
        {"KUMA_DP_USER=kuma-dp", "proxy.user = 'kuma-dp'"},
        {"IP_FAMILY_MODE=ipv4", "redirect.ip_family = 'ipv4'"},
        {"DROP_INVALID_PACKETS=true", "redirect.drop_invalid = true"},
        {"REDIRECT_INBOUND_ENABLED=false", "redirect.inbound.enabled = false"},
        {"REDIRECT_OUTBOUND_ENABLED=F", "redirect.outbound.enabled = false"},
        {"REDIRECT_INBOUND_PORT=1", "redirect.inbound.port = 1"},
        {"REDIRECT_OUTBOUND_PORT=1", "redirect.outbound.port = 1"},
        {"REDIRECT_INBOUND_INCLUDE_PORTS=1,2-3", "redirect.inbound.include_ports = [1, '2-3']"},
        {"REDIRECT_OUTBOUND_INCLUDE_PORTS=80", "redirect.outbound.include_ports = 80"},
        {"REDIRECT_INBOUND_EXCLUDE_PORTS=22", "redirect.inbound.exclude_ports = 22"},
        {"REDIRECT_OUTBOUND_EXCLUDE_PORTS=22", "redirect.outbound.exclude_ports = 22"},
        {"REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_IPS=::1,10.0.0.0/8",
         "redirect.inbound.exclude_sources = ['::1', '10.0.0.0/8']"},
        {"REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_IPS=10.0.0.1",
         "redirect.outbound.exclude_destinations = '10.0.0.1'"},
        {"REDIRECT_INBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND=1", "redirect.inbound.insert = true"},
        {"REDIRECT_OUTBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND=1",
         "redirect.outbound.insert = true"},
        {"REDIRECT_DNS_ENABLED=TRUE", "redirect.dns.enabled = true"},
        {"REDIRECT_DNS_CAPTURE_ALL=true", "redirect.dns.capture = 'all'"},
        {"REDIRECT_DNS_PORT=53", "redirect.dns.port = 53"},
        {"REDIRECT_DNS_SKIP_CONNTRACK_ZONE_SPLIT=true", "redirect.dns.conntrack_zone = 0"},
        {"REDIRECT_DNS_RESOLV_CONFIG_PATH=/run/resolv.conf", "resolv_conf = '/run/resolv.conf'"},
        {"REDIRECT_VNET_NETWORKS=a:10.0.0.0/8, b+:fd00::/8",
         "redirect.network = [{interface = 'a', cidr = '10.0.0.0/8'}, {interface = 'b+', cidr = "
         "'fd00::/8'}]"},
        {"LOG_ENABLED=true", "redirect.log_prefix = 'meshgate: '"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.variable);
        CHECK(with({row.variable}).config == parse(row.toml, "x").config);
        CHECK(with({row.variable}).ignored.empty());
    }
    CHECK(with({"REDIRECT_INBOUND_EXCLUDE_PORTS=22"}, "redirect.inbound.exclude_ports = [1, 2]")
              .config.redirect.inbound.exclude_ports.size() == 1);
    CHECK(with({"DRY_RUN=true"}).dry_run == true);
    CHECK(with({"VERBOSE=false"}).verbose == false);
    CHECK(with({"STORE_FIREWALLD=true"}).store_firewalld);
}

TEST_CASE("exclusions are divided where Kuma would cut them in two") {
    struct Row {
        std::string value;
        std::string toml;
    };
    const Row rows[] = {
        {"tcp:53,80:1000", "{users = 1000, protocols = 'tcp', ports = [53, 80]}"},
        {"tcp,udp:53:1", "{users = 1, ports = 53}"},
        {"tcp:53:1;udp::2", "{users = 1, protocols = 'tcp', ports = 53}, {users = 2, protocols = "
                            "'udp'}"},
        {"80:1,443:2", "{users = 1, ports = 80}, {users = 2, ports = 443}"},
        {"1,2", "{users = 1}, {users = 2}"},
        {"tcp:1:1,udp:2:2",
         "{users = 1, protocols = 'tcp', ports = 1}, {users = 2, protocols = 'udp', ports = 2}"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        CHECK(with({"REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS=" + row.value}).config ==
              parse("redirect.outbound.exclude = [" + row.toml + "]", "x").config);
    }
}

TEST_CASE("empty and foreign variables are not looked at") {
    CHECK(with({"REDIRECT_INBOUND_PORT=", "KUMA_DP_USER="}).config == Config{});
    kuma::Wishes wishes;
    const std::vector<std::string> foreign{"PATH=/bin", "KUMA_DNS_ENABLED=maybe", "x", "=",
                                           "KUMA_TRANSPARENT_PROXY=1"};
    kuma::apply_environment(foreign, wishes);
    CHECK(wishes.config == Config{});
}

TEST_CASE("a variable that means nothing here is named, one that is wrong refused") {
    CHECK(with({"WAIT=5", "CNI_MODE=true", "REDIRECT_INBOUND_CHAIN_NAME=X", "EBPF_ENABLED=false"})
              .ignored == std::vector<std::string>{prefix + "WAIT", prefix + "CNI_MODE",
                                                   prefix + "REDIRECT_INBOUND_CHAIN_NAME"});
    CHECK(error_of("REDIRECT_INBUOND_PORT=1") ==
          prefix + "REDIRECT_INBUOND_PORT: there is no such variable, did you mean " + prefix +
              "REDIRECT_INBOUND_PORT?");
    CHECK(error_of("=1") == prefix + ": there is no such variable");
    CHECK(error_of("REDIRECT_INBOUND_PORT=70000") ==
          prefix + "REDIRECT_INBOUND_PORT: '70000' is not a port (1 to 65535)");
    CHECK(error_of("REDIRECT_DNS_ENABLED=yes") ==
          prefix + "REDIRECT_DNS_ENABLED: 'yes' is not true or false");
    CHECK(error_of("REDIRECT_INBOUND_EXCLUDE_PORTS=22,,80") ==
          prefix + "REDIRECT_INBOUND_EXCLUDE_PORTS: '22,,80' has an empty element");
    CHECK(error_of("REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_UIDS=5") ==
          prefix + "REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_UIDS: who sends what comes from outside "
                   "cannot be known: exclude ports or addresses");
    CHECK(error_of("EBPF_ENABLED=true") ==
          prefix + "EBPF_ENABLED: there is no eBPF mode: leave it out");
    CHECK(error_of("KUMA_DP_USER=a b\n").find('\n') == std::string::npos);
}

TEST_CASE("no two settings have a name in common") {
    const auto unique = [](std::string_view kuma::Setting::*name) {
        std::multiset<std::string_view> names;
        for (const auto& setting : kuma::settings()) names.insert(setting.*name);
        return std::ranges::all_of(names,
                                   [&](auto one) { return one.empty() || names.count(one) == 1; });
    };
    CHECK(unique(&kuma::Setting::key));
    CHECK(unique(&kuma::Setting::environment));
    CHECK(unique(&kuma::Setting::flag));
}
