#include "src/meshgate-redirect/invocation.h"

#include <doctest/doctest.h>

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;

namespace {

using Files = std::vector<std::string>;

Invocation parse_words(std::vector<const char*> arguments) {
    return parse_invocation(parse_command_line(arguments, known_options()));
}

std::string error_of(std::vector<const char*> arguments) {
    try {
        parse_words(std::move(arguments));
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the seed's command is understood") {
    const auto invocation =
        parse_words({"install", "transparent-proxy", "--kuma-dp-user", "kuma-dp", "--redirect-dns",
                     "--exclude-inbound-ports", "22", "--verbose"});
    CHECK(invocation.verb == Verb::install);
    CHECK(invocation.verbose == true);
    CHECK(invocation.configs.empty());
    CHECK(invocation.flags ==
          std::vector<std::pair<std::string, std::string>>{{"kuma-dp-user", "kuma-dp"},
                                                           {"redirect-dns", "true"},
                                                           {"exclude-inbound-ports", "22"}});
    CHECK(parse_words({"uninstall", "transparent-proxy"}).verb == Verb::uninstall);
}

TEST_CASE("options stand before or after the verb") {
    for (const auto& arguments :
         {std::vector<const char*>{"--config", "a.toml", "install", "--dry-run"},
          std::vector<const char*>{"--dry-run", "install", "--config=a.toml"}}) {
        const auto invocation = parse_words(arguments);
        CHECK(invocation.configs == Files{"a.toml"});
        CHECK(invocation.dry_run == true);
        CHECK(invocation.format == Format::nft);
    }
    CHECK(parse_words({"install", "--dry-run", "--format", "json"}).format == Format::json);
    CHECK(parse_words({"install", "--dry-run", "--format=iptables"}).format == Format::iptables);
    CHECK(parse_words({"status", "--json"}).json);
    CHECK(parse_words({"check", "--config", "-"}).configs == Files{"-"});
    CHECK(parse_words({"install", "--config-file", "a.toml"}).configs == Files{"a.toml"});
    CHECK(parse_words({"install", "--config", "a.toml", "--config=b.yaml", "--config", "-"})
              .configs == Files{"a.toml", "b.yaml", "-"});
    CHECK(parse_words({"uninstall", "transparent-proxy", "--dry-run", "--verbose"}).dry_run ==
          true);
}

TEST_CASE("whoever installs with flags may ask with the same flags") {
    for (const auto* verb : {"install", "status", "diff", "check"}) {
        CHECK(parse_words({verb, "--redirect-dns"}).flags.size() == 1);
    }
    CHECK(error_of({"uninstall", "--redirect-dns"}) == "'uninstall' takes no '--redirect-dns'");
}

TEST_CASE("every flag of kumactl install is known") {
    const auto invocation = parse_words({"install",
                                         "transparent-proxy",
                                         "--ip-family-mode",
                                         "dualstack",
                                         "--kuma-dp-user",
                                         "u",
                                         "--redirect-inbound=true",
                                         "--redirect-inbound-port",
                                         "1",
                                         "--redirect-outbound-port",
                                         "2",
                                         "--exclude-inbound-ports",
                                         "3",
                                         "--exclude-outbound-ports",
                                         "4",
                                         "--exclude-outbound-ports-for-uids",
                                         "5",
                                         "--exclude-inbound-ips",
                                         "::",
                                         "--exclude-outbound-ips",
                                         "::",
                                         "--redirect-dns",
                                         "--redirect-all-dns-traffic=false",
                                         "--redirect-dns-port",
                                         "6",
                                         "--skip-dns-conntrack-zone-split",
                                         "--vnet",
                                         "a:::",
                                         "--drop-invalid-packets",
                                         "--iptables-logs",
                                         "--disable-comments",
                                         "--store-firewalld",
                                         "--redirect-inbound-insert-instead-of-append",
                                         "--redirect-outbound-insert-instead-of-append",
                                         "--wait",
                                         "5",
                                         "--wait-interval",
                                         "0",
                                         "--max-retries",
                                         "4",
                                         "--sleep-between-retries",
                                         "2s",
                                         "--iptables-executables",
                                         "a:b",
                                         "--dry-run",
                                         "--verbose"});
    CHECK(invocation.flags.size() == 26);
}

TEST_CASE("import takes the old command, whole or its flags") {
    using FlagList = std::vector<std::pair<std::string, std::string>>;
    const FlagList wanted{{"redirect-dns", "true"}, {"vnet", "a:::/0"}};
    for (const auto& arguments : {
             std::vector<const char*>{"import", "kumactl", "--", "--redirect-dns", "--vnet",
                                      "a:::/0"},
             {"import", "kumactl", "--redirect-dns", "--vnet", "a:::/0"},
             {"import", "kumactl", "--", "kumactl", "install", "transparent-proxy",
              "--redirect-dns", "--vnet=a:::/0", "--dry-run", "--verbose"},
         }) {
        const auto invocation = parse_words(arguments);
        CHECK(invocation.verb == Verb::import);
        CHECK(invocation.flags == wanted);
    }
    CHECK(error_of({"import"}) ==
          "write: import kumactl -- FLAGS..., or import kuma-config FILE...");
    CHECK(error_of({"import", "kuma-config"}) != "");
    CHECK(parse_words({"import", "kuma-config", "a.yaml", "b.json"}).configs ==
          Files{"a.yaml", "b.json"});
    CHECK(error_of({"import", "kumactl", "--", "uninstall"}) ==
          "'import kumactl' takes flags of 'kumactl install transparent-proxy', not 'uninstall'");
    CHECK(error_of({"import", "kumactl", "--", "--redirect-dsn"}) ==
          "unknown option '--redirect-dsn', did you mean '--redirect-dns'?");
}

TEST_CASE("a command line that makes no sense says what to write instead") {
    struct Row {
        std::vector<const char*> arguments;
        std::string message;
    };
    const Row rows[] = {
        {{}, "a verb is missing"},
        {{"instal"}, "unknown verb 'instal', did you mean 'install'?"},
        {{"frobnicate"}, "unknown verb 'frobnicate'"},
        {{"install", "transparent-proxi"}, "'install' takes no 'transparent-proxi'"},
        {{"install", "transparent-proxy", "now"}, "'install' takes no 'now'"},
        {{"status", "transparent-proxy"}, "'status' takes no 'transparent-proxy'"},
        {{"status", "--dry-run"}, "'status' takes no '--dry-run'"},
        {{"install", "--json"}, "'install' takes no '--json'"},
        {{"install", "--format", "json"}, "--format goes with --dry-run"},
        {{"install", "--dry-run", "--format", "xml"},
         "--format is nft, json or iptables, not 'xml'"},
        {{"install", "--redirect-dsn"},
         "unknown option '--redirect-dsn', did you mean '--redirect-dns'?"},
        {{"install", "--kuma-dp-user"}, "option '--kuma-dp-user' needs a value"},
    };
    for (const Row& row : rows) CHECK(error_of(row.arguments) == row.message);
}

TEST_CASE("what happens to open connections is said on the command line") {
    CHECK(parse_words({"install", "--flush-connections"}).flush_connections);
    const auto both = parse_words({"uninstall", "--drain", "5m", "--flush-connections"});
    CHECK(both.flush_connections);
    CHECK(both.drain == std::chrono::minutes{5});
    CHECK(parse_words({"uninstall", "--drain=1h"}).drain == std::chrono::hours{1});
    CHECK(!parse_words({"uninstall"}).drain);
    for (const char* const time : {"0s", "61m", "3601s", "-1s", "30", "", "soon", "1h30m"}) {
        CAPTURE(time);
        CHECK(error_of({"uninstall", "--drain", time}) ==
              "--drain is a duration such as \"30s\" or \"5m\", 1s to 1h, not '" +
                  std::string{time} + "'");
    }
    CHECK(error_of({"install", "--drain", "30s"}) == "'install' takes no '--drain'");
    CHECK(error_of({"status", "--flush-connections"}) == "'status' takes no '--flush-connections'");
}
