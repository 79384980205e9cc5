#include "src/meshgate-dns/listen_addresses.h"

#include <algorithm>
#include <ostream>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace meshgate;
using meshgate::dnsd::listen_addresses;

TEST_CASE("an interface stands for its addresses, and no address comes twice") {
    const auto loopback = conf::SocketAddress::parse("127.0.0.1:5300", 53).value();
    const auto all = listen_addresses({loopback, conf::InterfacePort{"lo", 5300}, loopback});
    CHECK(std::count(all.begin(), all.end(), loopback) == 1);
    CHECK(all.front() == loopback);
    for (const auto& address : all) CHECK(address.port == 5300);
}

TEST_CASE("an interface that is not there is an error that names it") {
    CHECK_THROWS_WITH_AS(listen_addresses({conf::InterfacePort{"nosuch0", 53}}),
                         doctest::Contains("'nosuch0'"), std::runtime_error);
}
