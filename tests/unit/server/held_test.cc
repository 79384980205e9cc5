#include "dns/zone/build.h"
#include "tests/unit/server/loopback.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate;
using namespace meshgate::test;

namespace {

constexpr unsigned servfail = 2, nxdomain = 3, not_ready = 14;

/// "known.mesh", and with `told` also "late.mesh".
std::shared_ptr<const dns::zone::Table> table(bool complete, bool told = false) {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    contents.services = {{"known", conf::IpAddress::parse("240.0.0.1"), {}, {}}};
    if (told) contents.services.push_back({"late", conf::IpAddress::parse("240.0.0.2"), {}, {}});
    return dns::zone::build(contents, {{}, complete});
}

}  // namespace

TEST_CASE("an unknown name waits for the table that is complete, a known one does not") {
    for (const Kind kind : {Kind::udp, Kind::tcp}) {
        CAPTURE(kind == Kind::tcp);
        Server server;
        server.set_table(table(false));
        Client client{kind, server.at()};
        client.send_message(query(1, "late.mesh"));
        client.send_message(query(2, "never.mesh"));
        client.send_message(query(3, "known.mesh"));
        const auto known = client.receive();
        REQUIRE(known);
        CHECK(id_of(*known) == 3);
        server.set_table(table(true, true));
        const auto late = client.receive();
        REQUIRE(late);
        CHECK(id_of(*late) == 1);
        CHECK(rcode_of(*late) == 0);
        CHECK(late->back() == 2);
        const auto never = client.receive();
        REQUIRE(never);
        CHECK(id_of(*never) == 2);
        CHECK(rcode_of(*never) == nxdomain);
    }
}

TEST_CASE("who waited in vain is told that we are not ready; a reload does not end the wait") {
    Server server;
    server.set_table(table(false));
    Client client{Kind::udp, server.at()};
    client.send(query(1, "late.mesh", 1, 1232));
    server.set_table(table(false));
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == servfail);
    CHECK(extended_error(*reply) == not_ready);
    // Nothing of it is kept.
    server.set_table(table(true, true));
    client.send(query(2, "late.mesh"));
    const auto now = client.receive();
    REQUIRE(now);
    CHECK(rcode_of(*now) == 0);
}

TEST_CASE("beyond the bound of those who may wait the answer comes at once") {
    dns::server::WorkerLimits limits;
    limits.forward.in_flight = 2;
    Server server{{.limits = limits}};
    server.set_table(table(false));
    Client client{Kind::udp, server.at()};
    for (std::uint16_t id = 1; id <= 3; ++id) client.send(query(id, "late.mesh"));
    const auto third = client.receive();
    REQUIRE(third);
    CHECK(id_of(*third) == 3);
    CHECK(rcode_of(*third) == servfail);
    server.set_table(table(true, true));
    CHECK(client.receive());
    CHECK(client.receive());
}

TEST_CASE("a client that leaves while it waits is forgotten") {
    Server server;
    server.set_table(table(false));
    {
        Client gone{Kind::tcp, server.at()};
        gone.send_message(query(1, "late.mesh"));
    }
    server.set_table(table(true, true));
    Client client{Kind::tcp, server.at()};
    client.send_message(query(2, "late.mesh"));
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(rcode_of(*reply) == 0);
}
