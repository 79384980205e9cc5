#include "src/meshgate-redirect/vip_view.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::redirect;
using namespace meshgate::netfilter;

namespace {

conf::IpAddress ip(const char* text) {
    return conf::IpAddress::parse(text).value();
}

VipService service(const char* name, const char* address, std::vector<VipEndpoint> endpoints) {
    VipService made;
    made.name = name;
    made.address4 = ip(address);
    made.ports = {80};
    made.protocols = {conf::Protocol::tcp};
    made.endpoints = std::move(endpoints);
    return made;
}

/// What the kernel has when `services` were installed and those below `dead` were taken out.
Ruleset installed(const std::vector<VipService>& services, std::size_t dead = 0) {
    Ruleset ruleset;
    ruleset.class_maps.push_back({.name = "vip_tcp4", .comment = "", .family = Family::ipv4, .elements = {}});
    ruleset.endpoint_maps.push_back({.name = "vip_tcp4_endpoints",
                                     .comment = "",
                                     .family = Family::ipv4,
                                     .protocol = conf::Protocol::tcp,
                                     .elements = {}});
    MapFiller filler{ruleset};
    for (const auto& route : routes_of(services, {Family::ipv4})) {
        std::vector<bool> alive(route.endpoints.size(), true);
        for (std::size_t i = 0; i < dead && i < alive.size(); ++i) alive[i] = false;
        filler.add(route, elements_of(route, alive));
    }
    filler.sort();
    return ruleset;
}

const std::vector<VipEndpoint> two{{ip("192.0.2.10"), 8080, 1}, {ip("192.0.2.11"), 8080, 3}};

}  // namespace

TEST_CASE("a table has every endpoint with its share, those that are taken out too") {
    const std::vector services{service("web", "240.0.0.1", two), service("none", "240.0.0.0", {})};
    CHECK(vips_table(view_vips(installed(services), services)) ==
          "SERVICE  ADDRESS       PROTOCOL  BALANCE  ENDPOINT         SHARE  OPEN  BYTES\n"
          "none     240.0.0.0:80  tcp       random   none: refused\n"
          "web      240.0.0.1:80  tcp       random   192.0.2.10:8080  25 %   -     -\n"
          "                                          192.0.2.11:8080  75 %   -     -\n");
    CHECK(vips_table(view_vips(installed(services, 1), services)) ==
          "SERVICE  ADDRESS       PROTOCOL  BALANCE  ENDPOINT         SHARE  OPEN  BYTES\n"
          "none     240.0.0.0:80  tcp       random   none: refused\n"
          "web      240.0.0.1:80  tcp       random   192.0.2.11:8080  100 %  -     -\n"
          "                                          192.0.2.10:8080  out    -     -\n");
    CHECK(vips_table({}).empty());
}

TEST_CASE("without a configuration what is there is told without names") {
    auto turns = service("web", "240.0.0.1", two);
    turns.balance = conf::Balance::round_robin;
    const auto views = view_vips(installed({turns}), {});
    REQUIRE(views.size() == 1);
    CHECK(views[0].balance == conf::Balance::round_robin);
    CHECK(views[0].endpoints.size() == 2);
    CHECK(vips_table(views).find("?        240.0.0.1:80  tcp       round-robin") !=
          std::string::npos);
}

TEST_CASE("JSON has numbers that are known, and null for others") {
    const std::vector services{service("web", "240.0.0.1", {two[0]})};
    auto views = view_vips(installed(services), services);
    views[0].endpoints[0].connections = 3;
    CHECK(vips_json(views) ==
          R"([{"service":"web","address":"240.0.0.1:80","protocol":"tcp","balance":"random",)"
          R"("endpoints":[{"endpoint":"192.0.2.10:8080","slots":1,"of":1,"connections":3,)"
          R"("bytes":null}]}])");
    CHECK(vips_json({}) == "[]");
}

TEST_CASE("of many a table has the first, and says how many there are beside") {
    std::vector<VipService> services;
    for (int i = 0; i < 60; ++i) {
        services.push_back(service("s", ("240.0.1." + std::to_string(i)).c_str(), {two[0]}));
    }
    const auto text = vips_table(view_vips(installed(services), services));
    CHECK(text.ends_with("and 10 more: status --json\n"));
    CHECK(text.find("240.0.1.49:80") != std::string::npos);
    CHECK(text.find("240.0.1.50:80") == std::string::npos);
}
