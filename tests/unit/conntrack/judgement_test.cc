#include "netfilter/conntrack/judgement.h"
#include "netfilter/plan/plan.h"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using Owner = Origin::Owner;

namespace {

constexpr Uid proxy = 5678, app = 1000;

Ruleset rules() {
    conf::Config config;
    config.proxy.enabled = true;
    config.redirect.inbound.enabled = true;
    config.redirect.inbound.exclude_ports = {{22, 22}};
    config.redirect.outbound.enabled = true;
    config.redirect.outbound.exclude_ports = {{3306, 3306}};
    config.redirect.dns.enabled = true;
    config.redirect.dns.capture = conf::DnsCaptureMode::all;
    return plan(config, Host{.proxy_users = {proxy},
                             .resolver_users = {},
                             .exempt_users = {},
                             .exempt_groups = {},
                             .exclude_users = {},
                             .nameservers = {},
                             .local_resolvers = {}})
        .ruleset;
}

conf::IpAddress address(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

bool is_local(const conf::IpAddress& one) {
    return one.is_loopback() || one == address("10.0.0.1") || one == address("fd00::1");
}

const std::array<Port, 3> ports{15001, 15006, 15053};

/// A connection to `to`, answered from `answers_from`: the same where nothing is redirected.
Connection connection(Protocol protocol, const conf::SocketAddress& from,
                      const conf::SocketAddress& to, const conf::SocketAddress& answers_from) {
    Connection made;
    made.protocol = protocol;
    made.original = {from.address, to.address, from.port, to.port, 0};
    made.reply = {answers_from.address, from.address, answers_from.port, from.port, 0};
    return made;
}

conf::SocketAddress endpoint(const std::string& text) {
    return conf::SocketAddress::parse(text, 0).value();
}

struct Row {
    std::string name;
    Protocol protocol;
    std::string from, to, answers_from;  ///< the last empty: `to`
    Origin origin;
    std::optional<Port> captured;
    Fate fate;
};

Origin out(Owner owner, Uid uid = 0) {
    return {owner, uid, "eth0", false, false};
}
Origin over_lo(Uid uid) {
    return {Owner::known, uid, "lo", true, true};
}
Origin in(bool to_this_host) {
    return {Owner::none, 0, "eth0", false, to_this_host};
}

const std::vector<Row> rows{
    {"an application's, direct",
     Protocol::tcp,
     "10.0.0.1:4000",
     "192.0.2.1:443",
     "",
     out(Owner::known, app),
     {},
     Fate::other},
    {"the same over IPv6",
     Protocol::tcp,
     "[fd00::1]:4000",
     "[2001:db8::1]:443",
     "",
     out(Owner::known, app),
     {},
     Fate::other},
    {"captured already", Protocol::tcp, "10.0.0.1:4000", "192.0.2.1:443", "127.0.0.1:15001",
     out(Owner::known, app), 15001, Fate::same},
    {"the proxy's own",
     Protocol::tcp,
     "10.0.0.1:4000",
     "192.0.2.1:443",
     "",
     out(Owner::known, proxy),
     {},
     Fate::same},
    {"to an excluded port",
     Protocol::tcp,
     "10.0.0.1:4000",
     "192.0.2.1:3306",
     "",
     out(Owner::known, app),
     {},
     Fate::same},
    {"captured, to a port that is excluded now", Protocol::tcp, "10.0.0.1:4000", "192.0.2.1:3306",
     "127.0.0.1:15001", out(Owner::known, app), 15001, Fate::other},
    {"of nobody knows whom",
     Protocol::tcp,
     "10.0.0.1:4000",
     "192.0.2.1:443",
     "",
     out(Owner::unknown),
     {},
     Fate::unknown},
    {"of nobody knows whom, excluded for all",
     Protocol::tcp,
     "10.0.0.1:4000",
     "192.0.2.1:3306",
     "",
     out(Owner::unknown),
     {},
     Fate::same},
    {"its socket is gone",
     Protocol::tcp,
     "10.0.0.1:4000",
     "192.0.2.1:443",
     "",
     out(Owner::gone),
     {},
     Fate::same},
    {"SSH to this host",
     Protocol::tcp,
     "192.0.2.9:5000",
     "10.0.0.1:22",
     "",
     in(true),
     {},
     Fate::same},
    {"HTTP to this host",
     Protocol::tcp,
     "192.0.2.9:5000",
     "10.0.0.1:80",
     "",
     in(true),
     {},
     Fate::other},
    {"HTTP to this host, captured", Protocol::tcp, "192.0.2.9:5000", "10.0.0.1:80",
     "10.0.0.1:15006", in(true), 15006, Fate::same},
    {"forwarded by this host",
     Protocol::tcp,
     "192.0.2.9:5000",
     "198.51.100.1:80",
     "",
     in(false),
     {},
     Fate::same},
    {"Docker's published port",
     Protocol::tcp,
     "192.0.2.9:5000",
     "10.0.0.1:8080",
     "172.17.0.2:80",
     in(true),
     {},
     Fate::same},
    {"between applications of this machine",
     Protocol::tcp,
     "127.0.0.1:4000",
     "127.0.0.1:80",
     "",
     over_lo(app),
     {},
     Fate::same},
    {"the proxy calling this machine",
     Protocol::tcp,
     "10.0.0.1:4000",
     "10.0.0.1:80",
     "",
     over_lo(proxy),
     {},
     Fate::other},
    {"a query, direct",
     Protocol::udp,
     "10.0.0.1:4000",
     "192.0.2.53:53",
     "",
     out(Owner::known, app),
     {},
     Fate::other},
    {"a query of the resolver",
     Protocol::udp,
     "10.0.0.1:4000",
     "192.0.2.53:53",
     "",
     out(Owner::known, proxy),
     {},
     Fate::same},
    {"a query whose socket is closed",
     Protocol::udp,
     "10.0.0.1:4000",
     "192.0.2.53:53",
     "",
     out(Owner::gone),
     {},
     Fate::other},
    {"a query of two users' port",
     Protocol::udp,
     "10.0.0.1:4000",
     "192.0.2.53:53",
     "",
     out(Owner::unknown),
     {},
     Fate::unknown},
    {"other UDP",
     Protocol::udp,
     "10.0.0.1:4000",
     "192.0.2.1:443",
     "",
     out(Owner::known, app),
     {},
     Fate::same},
};

}  // namespace

TEST_CASE("exactly the connections that the rules would treat otherwise are of another fate") {
    const auto ruleset = rules();
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto made =
            connection(row.protocol, endpoint(row.from), endpoint(row.to),
                       endpoint(row.answers_from.empty() ? row.to : row.answers_from));
        const auto captured = captured_at(made, ports, is_local);
        CHECK(captured == row.captured);
        CHECK(static_cast<int>(fate_of(made, row.origin, captured, ruleset)) ==
              static_cast<int>(row.fate));
    }
}

TEST_CASE("the ports of a ruleset are those of its redirects") {
    CHECK(redirect_ports(rules()) == std::vector<Port>{15001, 15006, 15053});
    CHECK(redirect_ports({}).empty());
}

TEST_CASE("a port of ours on another machine is none of ours") {
    const auto elsewhere = connection(Protocol::tcp, endpoint("10.0.0.1:4000"),
                                      endpoint("192.0.2.1:80"), endpoint("172.17.0.2:15001"));
    CHECK(!captured_at(elsewhere, ports, is_local));
    const auto direct = connection(Protocol::tcp, endpoint("10.0.0.1:4000"),
                                   endpoint("127.0.0.1:15001"), endpoint("127.0.0.1:15001"));
    CHECK(!captured_at(direct, ports, is_local));
}
