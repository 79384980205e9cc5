#include "src/meshgate-dns/own_listeners.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using meshgate::dnsd::is_own_listener;

TEST_CASE("an upstream that is one of our own sockets is known whatever it is called") {
    struct Row {
        std::string upstream;
        std::string listener;
        bool own;
    };
    const Row rows[] = {
        {"127.0.0.1:53", "127.0.0.1:53", true},
        {"127.0.0.1:53", "127.0.0.1:15053", false},
        {"127.0.0.2:53", "127.0.0.1:53", false},
        {"0.0.0.0:53", "127.0.0.1:53", true},
        {"[::]:53", "[::1]:53", true},
        {"[::]:53", "127.0.0.1:53", false},
        {"127.0.0.53:53", "0.0.0.0:53", true},
        {"192.0.2.7:53", "0.0.0.0:53", true},  // an address of this host
        {"192.0.2.8:53", "0.0.0.0:53", false},
        {"192.0.2.7:53", "[::]:53", false},
        {"[2001:db8::7]:53", "[::]:53", true},
        {"[::1]:5353", "[::]:53", false},
        {"[fe80::1%eth0]:53", "[fe80::1%eth0]:53", true},
        {"[fe80::1%eth1]:53", "[fe80::1%eth0]:53", false},
    };
    const std::vector<conf::IpAddress> local{conf::IpAddress::parse("192.0.2.7").value(),
                                             conf::IpAddress::parse("2001:db8::7").value()};
    for (const Row& row : rows) {
        CAPTURE(row.upstream);
        CAPTURE(row.listener);
        const std::vector listening{conf::SocketAddress::parse(row.listener, 53).value()};
        const auto upstream = conf::SocketAddress::parse(row.upstream, 53).value();
        CHECK(is_own_listener(upstream, listening, local) == row.own);
        CHECK_FALSE(is_own_listener(upstream, {}, local));
    }
}
