#include "src/meshgate-dns/upstreams.h"

#include "dns/wire/text_name.h"
#include "src/common/asio.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <fstream>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using meshgate::dnsd::Upstreams;

namespace {

conf::SocketAddress address(const std::string& text) {
    return conf::SocketAddress::parse(text, 53).value();
}

/// Upstreams beside a server on 127.0.0.1:15053, with a resolv.conf of its own.
struct Fixture {
    TemporaryFolder folder;
    asio::io_context context;
    std::vector<std::vector<conf::SocketAddress>> applied;        ///< of dns.upstreams
    std::vector<dns::forward::Route> routes;                      ///< the last of all
    using Found = std::function<void(std::vector<conf::IpAddress>)>;
    std::vector<std::pair<std::string, Found>> asked;  ///< of the resolver
    Upstreams upstreams{
        context,
        {address("127.0.0.1:15053")},
        [this](const std::string& host, const std::string&, Upstreams::Found found) {
            asked.emplace_back(host, [found](std::vector<conf::IpAddress> addresses) {
                found({.addresses = std::move(addresses), .ttl = {}, .is_known = true});
            });
        },
        [this](const auto& list) {
            routes = list;
            applied.push_back(list.front().upstreams);
        }};
    conf::Config config;

    Fixture() {
        config.resolv_conf = folder / "resolv.conf";
        write("");
    }
    void write(const std::string& text) const { std::ofstream{config.resolv_conf} << text; }
    std::vector<std::string> configure() {
        return upstreams.configure(dnsd::upstream_groups(config.dns), config.resolv_conf);
    }
};

}  // namespace

TEST_CASE("addresses and the servers of resolv.conf, in order, once each") {
    Fixture f;
    f.write("nameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver 192.0.2.2\n");
    f.config.dns.upstreams = {address("192.0.2.2:53"), conf::ResolvConfUpstreams{},
                              address("[2001:db8::1]:5300")};
    CHECK(f.configure().empty());
    REQUIRE(f.applied.size() == 1);
    CHECK(f.applied[0] == std::vector{address("192.0.2.2:53"), address("192.0.2.1:53"),
                                      address("[fe80::1%eth0]:53"), address("[2001:db8::1]:5300")});
    CHECK_FALSE(f.upstreams.missing());
}

TEST_CASE("our own listener is left out, and when nothing is left they are missing") {
    Fixture f;
    f.config.dns.upstreams = {address("127.0.0.1:15053")};
    const auto warnings = f.configure();
    REQUIRE_FALSE(warnings.empty());
    CHECK(warnings.front().find("127.0.0.1:15053") != std::string::npos);
    CHECK(f.applied.back().empty());
    CHECK(f.upstreams.missing());
    f.config.dns.upstreams = {address("127.0.0.1:15053"), address("127.0.0.1:15054")};
    f.configure();
    CHECK(f.applied.back() == std::vector{address("127.0.0.1:15054")});
}

TEST_CASE("no upstream configured is not a missing one") {
    Fixture f;
    f.config.dns.upstreams.clear();
    CHECK(f.configure().empty());
    CHECK_FALSE(f.upstreams.missing());
}

TEST_CASE("a resolv.conf that is empty or gone leaves the servers it last had") {
    Fixture f;
    f.write("nameserver 192.0.2.1\n");
    f.configure();
    const auto before = f.upstreams.addresses();
    f.write("# being written\n");
    CHECK_FALSE(f.configure().empty());
    CHECK(f.upstreams.addresses() == before);
    std::filesystem::remove(f.config.resolv_conf);
    CHECK_FALSE(f.configure().empty());
    CHECK(f.upstreams.addresses() == before);
}

TEST_CASE("a resolv.conf that was never there is a warning, and upstreams are missing") {
    Fixture f;
    std::filesystem::remove(f.config.resolv_conf);
    const auto warnings = f.configure();
    REQUIRE_FALSE(warnings.empty());
    CHECK(warnings.front().find("resolv.conf") != std::string::npos);
    CHECK(f.upstreams.missing());
}

TEST_CASE("a host is asked for and takes its place in the list when it is known") {
    Fixture f;
    const auto ip = [](const char* text) { return conf::IpAddress::parse(text).value(); };
    f.config.dns.upstreams = {conf::HostUpstream{"dns.example", 5300}, address("192.0.2.9:53")};
    f.configure();
    CHECK(f.applied.back() == std::vector{address("192.0.2.9:53")});
    REQUIRE(f.asked.size() == 1);
    CHECK(f.asked[0].first == "dns.example");
    f.asked[0].second({ip("192.0.2.1"), ip("2001:db8::1")});
    CHECK(f.applied.back() == std::vector{address("192.0.2.1:5300"), address("[2001:db8::1]:5300"),
                                          address("192.0.2.9:53")});

    // The next configuration starts with what is known, and a failure changes nothing.
    f.configure();
    CHECK(f.applied.back().size() == 3);
    const auto times = f.applied.size();
    f.asked[1].second({});
    f.asked[1].second({ip("192.0.2.1"), ip("2001:db8::1")});
    CHECK(f.applied.size() == times);

    // After the end nothing is handed on.
    f.upstreams.stop();
    f.asked[1].second({ip("192.0.2.3")});
    CHECK(f.applied.size() == times);
}

TEST_CASE("upstreams are missing while their only host is unknown, and a host may be ourselves") {
    Fixture f;
    f.config.dns.upstreams = {conf::HostUpstream{"localhost", 15053}};
    f.configure();
    CHECK(f.upstreams.missing());
    f.asked[0].second({conf::IpAddress::parse("127.0.0.1").value()});
    CHECK(f.upstreams.missing());
}

TEST_CASE("each suffix has servers of its own, and one may have those of resolv.conf or a host's") {
    Fixture f;
    f.write("nameserver 192.0.2.1\n");
    f.config.dns.upstreams = {address("192.0.2.9:53")};
    f.config.dns.forwards = {
        {"corp.example", {address("10.0.0.53:53"), address("127.0.0.1:15053")}, {}},
        {"10.in-addr.arpa", {conf::ResolvConfUpstreams{}, conf::HostUpstream{"dns.corp", 53}}, {}}};
    const auto warnings = f.configure();
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find("127.0.0.1:15053") != std::string::npos);
    REQUIRE(f.routes.size() == 3);
    CHECK(f.routes[0].suffix == std::vector<std::uint8_t>{0});
    CHECK(f.routes[1].suffix == dns::wire::to_wire("corp.example"));
    CHECK(f.routes[1].upstreams == std::vector{address("10.0.0.53:53")});
    CHECK(f.routes[2].upstreams == std::vector{address("192.0.2.1:53")});
    CHECK(f.upstreams.followed_file() == f.config.resolv_conf);
    REQUIRE(f.asked.size() == 1);
    f.asked[0].second({conf::IpAddress::parse("10.0.0.54").value()});
    CHECK(f.routes[2].upstreams == std::vector{address("192.0.2.1:53"), address("10.0.0.54:53")});
    CHECK(f.upstreams.addresses() == std::vector{address("192.0.2.9:53")});
    f.config.dns.forwards.clear();
    f.configure();
    CHECK(f.routes.size() == 1);
}
