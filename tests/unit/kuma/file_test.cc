#include "conf/kuma/file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>

using namespace meshgate::conf;

namespace {

kuma::Wishes read(const std::string& yaml) {
    kuma::Wishes wishes;
    kuma::apply_file(yaml, "kuma.yaml", wishes);
    return wishes;
}

std::string error_of(const std::string& yaml) {
    try {
        read(yaml);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

const std::string all_of_it = R"(# Kuma's own
kumaDPUser: kuma-dp
ipFamilyMode: ipv4
redirect:
  inbound:
    enabled: true
    port: 16006
    includePorts: []
    excludePorts: [22, "8000-8100"]
    excludePortsForUIDs: []
    excludePortsForIPs: ["10.0.0.1", "fd00::/8"]
    insertRedirectInsteadOfAppend: true
  outbound:
    port: 16001
    includePorts: 80
    excludePortsForUIDs:
      - tcp:53,80:1000650000
      - "5"
    excludePortsForIPs: 10.0.0.0/8
  dns:
    enabled: true
    captureAll: true
    port: 5300
    skipConntrackZoneSplit: true
    resolvConfigPath: /run/resolv.conf
  vnet:
    networks: ["docker0:172.17.0.0/16", "docker0:fd00::/64"]
dropInvalidPackets: true
log: {enabled: true, level: 7}
verbose: true
dryRun: false
wait: 5
waitInterval: 0
retry:
  maxRetries: 4
  sleepBetweenRetries: 2s
storeFirewalld: false
iptablesExecutables:
  iptables-save: /sbin/iptables-save
comments:
  disabled: false
cniMode: false
ebpf:
  enabled: false
)";

}  // namespace

TEST_CASE("every key of Kuma's file") {
    const auto wishes = read(all_of_it);
    CHECK(wishes.config == parse(R"(resolv_conf = "/run/resolv.conf"
[proxy]
user = "kuma-dp"
[redirect]
ip_family = "ipv4"
drop_invalid = true
log_prefix = "meshgate: "
[redirect.inbound]
port = 16006
exclude_ports = [22, "8000-8100"]
exclude_sources = ["10.0.0.1", "fd00::/8"]
insert = true
[redirect.outbound]
port = 16001
include_ports = 80
exclude_destinations = "10.0.0.0/8"
exclude = [{users = 1000650000, protocols = "tcp", ports = [53, 80]}, {users = 5}]
[redirect.dns]
enabled = true
capture = "all"
port = 5300
conntrack_zone = 0
[[redirect.network]]
interface = "docker0"
cidr = ["172.17.0.0/16", "fd00::/64"]
)",
                                 "x")
                               .config);
    CHECK(wishes.verbose == true);
    CHECK(wishes.dry_run == false);
    CHECK(wishes.ignored ==
          std::vector<std::string>{
              "log.level (kuma.yaml:29:29)", "wait (kuma.yaml:32:7)",
              "waitInterval (kuma.yaml:33:15)", "retry.maxRetries (kuma.yaml:35:15)",
              "retry.sleepBetweenRetries (kuma.yaml:36:24)",
              "iptablesExecutables.iptables-save (kuma.yaml:39:18)",
              "comments.disabled (kuma.yaml:41:13)", "cniMode (kuma.yaml:42:10)"});
}

TEST_CASE("keys that contradict each other are told by their place in the file") {
    const auto told = [](const std::string& yaml) {
        const auto found = kuma::contradictions(read(yaml));
        return found.empty() ? "" : found.front().to_string();
    };
    CHECK(told("kumaDPUser: kuma-dp") == "");
    CHECK(told("redirect:\n  inbound:\n    excludePorts: [22, 15006]\n") ==
          "kuma.yaml:3:24: 'redirect.inbound.exclude_ports' has 15006, which is "
          "'redirect.inbound.port': the proxy's own port cannot be excluded");
    CHECK(told("redirect: {outbound: {port: 15006}}") ==
          "kuma.yaml:1:29: 'redirect.inbound.port' and 'redirect.outbound.port' are both 15006");
    CHECK(told("redirect: {inbound: {includePorts: 80, excludePorts: 22}}")
              .starts_with("kuma.yaml:1:36: 'redirect.inbound.include_ports' and"));
    CHECK(told("kumaDPUser: root").starts_with("kuma.yaml:1:13: 'proxy.user' cannot be root"));
    // The one named first is in no file: the place is not known.
    CHECK(told("redirect: {inbound: {port: 15001}}") ==
          "'redirect.inbound.port' and 'redirect.outbound.port' are both 15001");
}

TEST_CASE("JSON is read as well, and an empty file says nothing") {
    CHECK(
        read("{\n\t\"redirect\": {\n\t\t\"dns\": {\"enabled\": true, \"port\": 5300},\n"
             "\t\t\"inbound\": {\"excludePorts\": [22, \"80\"]}\n\t},\n\t\"kumaDPUser\": null\n}\n")
            .config == parse("redirect.dns = {enabled = true, port = 5300}\n"
                             "redirect.inbound.exclude_ports = [22, 80]",
                             "x")
                           .config);
    for (const std::string nothing :
         {"", "# no\n", "---\n", "{}", "null", "redirect:", "redirect: {dns: ~}",
          "kumaDPUser: \"\"\nipFamilyMode: ''", "redirect: {inbound: {excludePorts: ''}}"}) {
        CAPTURE(nothing);
        CHECK(read(nothing).config == Config{});
    }
}

TEST_CASE("a later file replaces what an earlier one says, lists too") {
    kuma::Wishes wishes;
    kuma::apply_file("redirect: {inbound: {port: 1, excludePorts: [1, 2]}}", "a", wishes);
    kuma::apply_file("redirect: {inbound: {excludePorts: [3]}}", "b", wishes);
    CHECK(wishes.config.redirect.inbound.port == 1);
    CHECK(wishes.config.redirect.inbound.exclude_ports == std::vector<PortRange>{{3, 3}});
    kuma::apply_file("redirect: {inbound: {excludePorts: []}}", "c", wishes);
    CHECK(wishes.config.redirect.inbound.exclude_ports.empty());
}

TEST_CASE("what is wrong is said with its place, all of it at once") {
    struct Row {
        std::string yaml;
        std::string message;
    };
    const std::string in = "kuma.yaml:";
    const Row rows[] = {
        {"redirect:\n  inbuond:\n    port: 1",
         in + "2:3: unknown key 'redirect.inbuond', did you mean 'inbound'?"},
        {"kumadpuser: x", in + "1:1: unknown key 'kumadpuser', did you mean 'kumaDPUser'?"},
        {"redirect.inbound.port: 5", in + "1:1: unknown key 'redirect.inbound.port'"},
        {"'': 5", in + "1:1: unknown key ''"},
        {"redirect: {dns: {port: 1, port: 2}}", in + "1:27: 'redirect.dns.port' is there twice"},
        {"redirect: 5", in + "1:11: 'redirect' must be a map of keys"},
        {"- a", in + "1:1: must be a map of keys such as 'redirect:'"},
        {"[1, 2]", in + "1:1: must be a map of keys such as 'redirect:'"},
        {"redirect: {dns: {enabled: yes}}",
         in + "1:27: 'redirect.dns.enabled' must be true or false"},
        {"redirect: {dns: {enabled: \"true\"}}",
         in + "1:27: 'redirect.dns.enabled' must be true or false"},
        {"redirect: {dns: {port: [1]}}", in + "1:24: 'redirect.dns.port' must be one value"},
        {"redirect: {dns: {port: 0}}",
         in + "1:24: 'redirect.dns.port': '0' is not a port (1 to 65535)"},
        {"redirect: {dns: {port: 53.0}}",
         in + "1:24: 'redirect.dns.port': '53.0' is not a port (1 to 65535)"},
        {"redirect: {inbound: {excludePorts: {a: 1}}}",
         in + "1:36: 'redirect.inbound.excludePorts' must be a list of values"},
        {"redirect: {inbound: {excludePorts: [[1]]}}",
         in + "1:37: 'redirect.inbound.excludePorts' must be a list of values"},
        {"redirect: {inbound: {excludePorts: [~]}}",
         in + "1:37: 'redirect.inbound.excludePorts' must be a list of values"},
        {"redirect: {inbound: {excludePorts: \"22,,80\"}}",
         in + "1:36: 'redirect.inbound.excludePorts': '22,,80' has an empty element"},
        {"redirect: {inbound: {excludePortsForUIDs: [5]}}",
         in + "1:44: 'redirect.inbound.excludePortsForUIDs': who sends what comes from outside "
              "cannot be known: exclude ports or addresses"},
        {"redirect: {dns: {resolvConfigPath: \"/a\\nb\"}}",
         in + "1:36: 'redirect.dns.resolvConfigPath': '/a\\x0ab' has a control character"},
        {"ebpf: {enabled: true}", in + "1:17: 'ebpf.enabled': there is no eBPF mode: leave it out"},
        {"redirect: {vnet: {networks: [a]}}\nwiat: 1",
         in +
             "1:30: 'redirect.vnet.networks': 'a' is not INTERFACE:NETWORK such as "
             "docker0:172.17.0.0/16\n" +
             in + "2:1: unknown key 'wiat', did you mean 'wait'?"},
        {"a: &x 1", in + "1:4: anchors and aliases ('&', '*') are not taken: write the value out"},
        {"a: *x", ""},
        {"a: !!int 1", in + "1:4: tags ('!') are not taken"},
        {"? [a]\n: 1", in + "1:3: a key must be a word"},
        {"--- 1\n--- 2", in + "0:0"},
        {"a: [", ""},
        {"a: \"x", ""},
        {"\tb: 1", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.yaml);
        const auto message = error_of(row.yaml);
        if (row.message.empty()) {
            CHECK(message.starts_with(in));
        } else if (row.message.ends_with("0:0")) {
            CHECK(message == "kuma.yaml: has more than one document");
        } else {
            CHECK(message == row.message);
        }
    }
}

TEST_CASE("no text makes the reader grow or recurse without bound") {
    CHECK(error_of("a: " + std::string(17, '[') + std::string(17, ']')) ==
          "kuma.yaml:1:19: nested more than 16 deep");
    CHECK(error_of(std::string(1000000, '[')) != "");
    CHECK(error_of(std::string(500000, '{')) != "");
    std::string dashes;
    for (int i = 0; i < 10000; ++i) dashes += "- ";
    CHECK(error_of(dashes) == "kuma.yaml:1:33: nested more than 16 deep");
    CHECK(error_of(std::string((1U << 20U) + 1, ' ')) == "kuma.yaml: is larger than 1 MiB");
    std::string list = "wait: [1";
    for (int i = 0; i < 100000; ++i) list += ",1";
    CHECK(error_of(list + "]").ends_with(": more than 100000 values"));
    // Found by fuzzing: empty documents without end, until there were too many values.
    CHECK(error_of(",a: 1") == "kuma.yaml:1:1: cannot stand here");
    CHECK(error_of("a: 1\n---\n, b: 1") == "kuma.yaml:3:1: cannot stand here");
    std::string keys;
    for (int i = 0; i < 1000; ++i) keys += "a" + std::to_string(i) + ": 1\n";
    const auto message = error_of(keys);
    CHECK(std::count(message.begin(), message.end(), '\n') == 99);
}

TEST_CASE("only UTF-8 is text") {
    for (const std::string good : {"é", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
        CHECK(read("redirect: {dns: {resolvConfigPath: /" + good + "}}").config.resolv_conf ==
              "/" + good);
    }
    for (const std::string bad :
         {"\xff", "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x82g"}) {
        CHECK(error_of("kumaDPUser: " + bad) == "kuma.yaml: is not UTF-8 text");
    }
    CHECK(error_of(std::string("a\0b\0", 4)) == "kuma.yaml: is not UTF-8 text");
}

TEST_CASE("Kuma's files are told from ours by name, else by what they say first") {
    CHECK(kuma::is_kuma_file("a.yaml", "[redirect]"));
    CHECK(kuma::is_kuma_file("a.yml", ""));
    CHECK(kuma::is_kuma_file("a.json", ""));
    CHECK_FALSE(kuma::is_kuma_file("a.toml", "redirect:"));
    for (const std::string kumas : {"redirect:\n", "{\"redirect\": 1}", "---\nx",
                                    "# x = 1\n\n  a: b", "%YAML 1.2\n", "kumaDPUser: a=b"}) {
        CHECK(kuma::is_kuma_file("standard input", kumas));
    }
    for (const std::string ours : {"", "# a: b\n", "[redirect]", "[[redirect.network]]",
                                   "resolv_conf = \"a:b\"", "\n\nmesh.ttl = 5", "nonsense"}) {
        CHECK_FALSE(kuma::is_kuma_file("standard input", ours));
    }
}
