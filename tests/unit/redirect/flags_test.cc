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
    auto config = conf::parse(toml, "test.toml").config;
    apply_flags(flags, config);
    return config;
}

std::string usage_error(const FlagList& flags) {
    conf::Config config;
    try {
        apply_flags(flags, config);
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
        return with({{"kuma-dp-user", value}}, "[proxy]\nuser = 1").proxy.user.value();
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

TEST_CASE("flags and file may contradict each other") {
    CHECK_THROWS_AS(
        with({{"exclude-inbound-ports", "22"}}, "[redirect]\ninbound.include_ports = 80"),
        conf::Error);
    CHECK_THROWS_AS(with({{"redirect-dns", "true"}, {"redirect-dns-port", "15001"}}), conf::Error);
    CHECK_NOTHROW(with({{"redirect-dns-port", "15001"}}));
}
