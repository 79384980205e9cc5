#include "conf/load.h"
#include "netfilter/conntrack/strays.h"
#include "netfilter/plan/plan.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;

namespace strays_test {

conf::SocketAddress at(const std::string& text) {
    return conf::SocketAddress::parse(text, 1).value();
}

VipService service(const std::string& name, const std::string& address,
                   const std::vector<std::string>& endpoints) {
    VipService made;
    made.name = name;
    made.address4 = at(address).address;
    made.ports = {80};
    made.protocols = {Protocol::tcp, Protocol::udp};
    for (const auto& text : endpoints) made.endpoints.push_back({at(text).address, at(text).port, 1});
    return made;
}

/// With DNS captured, beside a proxy that has 240.0.0.9.
Ruleset rules() {
    Host host;
    host.vips = {service("a", "240.0.0.1", {"192.0.2.1:8080", "192.0.2.2:8080"}),
                 service("none", "240.0.0.2", {})};
    host.proxy_vips = {at("240.0.0.9").address};
    const std::string text = "[vip]\nmode = \"kernel\"\n[redirect.dns]\nenabled = true\n"
                             "capture = \"all\"\nprotocols = [\"udp\", \"tcp\"]\n";
    return plan(conf::parse(text, "test.toml").config, host).ruleset;
}

Connection flow(const std::string& to, const std::string& translated) {
    Connection made;
    made.protocol = Protocol::udp;
    made.answered = true;
    const auto client = at("10.0.0.1:40000");
    made.original = {client.address, at(to).address, client.port, at(to).port, 0};
    made.reply = {at(translated).address, client.address, at(translated).port, client.port, 0};
    return made;
}

}  // namespace strays_test

using strays_test::flow;

TEST_CASE("a flow strays when its VIP has not that endpoint") {
    const auto ruleset = strays_test::rules();
    const Strays strays{ruleset};
    REQUIRE(strays.has_vips());
    struct {
        const char *to, *translated;
        bool strays;
    } const cases[] = {
        {"240.0.0.1:80", "192.0.2.1:8080", false}, {"240.0.0.1:80", "192.0.2.2:8080", false},
        {"240.0.0.1:80", "192.0.2.3:8080", true},  {"240.0.0.1:80", "192.0.2.1:8081", true},
        {"240.0.0.2:80", "192.0.2.1:8080", true},   // it has none
        {"240.0.0.1:81", "192.0.2.1:8080", true},   // nor such a port
        {"240.7.7.7:80", "192.0.2.1:8080", true},   // nor is it a service any more
        {"240.0.0.1:80", "240.0.0.1:80", false},    // it was not translated
        {"10.0.0.9:80", "192.0.2.1:8080", false},   // somebody else's translation
        {"240.0.0.9:80", "192.0.2.1:8080", false},  // the proxy's
        {"240.0.0.2:53", "127.0.0.1:15053", false}, // captured DNS
        {"8.8.8.8:53", "127.0.0.1:15053", false},
    };
    for (const auto& one : cases) {
        CAPTURE(one.to);
        CAPTURE(one.translated);
        CHECK(strays.contains(flow(one.to, one.translated)) == one.strays);
    }
}

TEST_CASE("a connection that is open and was answered goes on wherever it goes") {
    const auto ruleset = strays_test::rules();
    const Strays strays{ruleset};
    auto one = flow("240.0.0.1:80", "192.0.2.3:8080");
    one.protocol = Protocol::tcp;
    CHECK_FALSE(strays.contains(one));
    one.answered = false;
    CHECK(strays.contains(one));
    one.answered = true;
    one.phase = Phase::ended;
    CHECK(strays.contains(one));
}

TEST_CASE("without VIPs nothing strays") {
    const auto ruleset = plan(conf::parse("", "test.toml").config, Host{}).ruleset;
    CHECK_FALSE(Strays{ruleset}.has_vips());
    CHECK_FALSE(Strays{ruleset}.contains(flow("240.0.0.1:80", "192.0.2.1:8080")));
}
