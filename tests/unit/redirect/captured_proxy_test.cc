#include "src/meshgate-redirect/captured_proxy.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using redirect::captured_proxy;

TEST_CASE("a proxy of another user than the exempt ones is pointed out") {
    const auto by = [](conf::Uid uid, conf::Port port) {
        return netfilter::WaitingSocket{
            .address = {}, .port = port, .takes_ipv4 = false, .uid = uid, .inode = 0};
    };
    conf::Config config;
    const netfilter::Host host{.proxy_users = {5678},
                               .resolver_users = {},
                               .exempt_users = {{2000, 2999}},
                               .exempt_groups = {},
                               .exclude_users = {},
                               .nameservers = {},
                               .local_resolvers = {}};
    const auto line = captured_proxy(config, host, {by(0, 15001)});
    REQUIRE(line.has_value());
    CHECK(*line == "TCP port 15001 was opened by user 0, and proxy.user is 5678: unless the proxy "
                   "makes its connections as that user, they come back to it");
    CHECK_FALSE(captured_proxy(config, host, {}));
    CHECK_FALSE(captured_proxy(config, host, {by(0, 15006), by(0, 80)}));
    CHECK_FALSE(captured_proxy(config, host, {by(5678, 15001)}));
    CHECK_FALSE(captured_proxy(config, host, {by(2500, 15001)}));
    CHECK_FALSE(captured_proxy(config, host, {by(0, 15001), by(5678, 15001)}));
    config.redirect.outbound.enabled = false;
    CHECK_FALSE(captured_proxy(config, host, {by(0, 15001)}));
}
