#include "conf/kuma/values.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate::conf;

TEST_CASE("a network with host bits says which network was meant") {
    struct Row {
        std::string text;
        std::string meant;
    };
    const Row rows[] = {
        {"10.1.2.3/8", "10.0.0.0/8"},       {"172.17.0.1/16", "172.17.0.0/16"},
        {"10.0.0.129/25", "10.0.0.128/25"}, {"1.2.3.4/0", "0.0.0.0/0"},
        {"fd00::1/64", "fd00::/64"},        {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
    };
    for (const Row& row : rows) {
        std::string message;
        try {
            kuma::parse_networks({row.text, {}});
        } catch (const Error& error) {
            message = error.what();
        }
        CHECK(message == "'" + row.text + "' has bits set after the prefix: write " + row.meant);
    }
}

TEST_CASE("addresses of both families stand in one list") {
    const auto networks = kuma::parse_networks({"10.0.0.1,fd00::/8 , ::ffff:1.2.3.4", {}});
    REQUIRE(networks.size() == 3);
    CHECK(networks[0].to_string() == "10.0.0.1/32");
    CHECK(networks[1].to_string() == "fd00::/8");
}
