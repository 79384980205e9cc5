#include "dns/server/chaos.h"

#include "tests/unit/server/loopback.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::Origin;

namespace {

constexpr std::uint16_t a = 1, txt = 16, any = 255;

/// A query of class CHAOS.
Bytes chaos(std::string_view name, std::uint16_t type, std::optional<std::uint16_t> edns = {}) {
    Bytes out = query(7, name, type, edns);
    out[12 + name.size() + 2 + 3] = 3;
    return out;
}

struct Told {
    unsigned rcode;
    std::string text;  ///< of the one record; empty: none
};

Told ask(const Bytes& asked, Origin origin) {
    dns::wire::Question question;
    REQUIRE(dns::wire::parse_question(asked, question) == dns::wire::Parsed::question);
    std::array<std::uint8_t, 1232> out{};
    const std::size_t bytes = dns::server::answer_chaos(question, origin, out);
    CHECK(std::equal(asked.begin() + 12,
                     asked.begin() + static_cast<std::ptrdiff_t>(question.end()),
                     out.begin() + 12));
    CHECK(out[11] == (question.edns ? 1 : 0));
    Told told{rcode_of(out), ""};
    const std::size_t record = question.end();
    if (out[7] == 0) return told;
    const std::size_t text = out[record + 12];
    CHECK(out[record + 11] == text + 1);
    CHECK(record + 13 + text + (question.edns ? 11 : 0) == bytes);
    told.text.assign(out.begin() + static_cast<std::ptrdiff_t>(record) + 13,
                     out.begin() + static_cast<std::ptrdiff_t>(record + 13 + text));
    return told;
}

}  // namespace

TEST_CASE("this machine is told program and version, and the host's name") {
    std::array<char, 256> host{};
    REQUIRE(gethostname(host.data(), host.size() - 1) == 0);
    const std::string version = "meshgate-dns " MESHGATE_VERSION;
    struct Row {
        const char* name;
        std::uint16_t type;
        std::string text;
    };
    const Row rows[] = {
        {"version.bind", txt, version},  {"VERSION.server", txt, version},
        {"id.server", txt, host.data()}, {"hostname.bind", txt, host.data()},
        {"version.bind", any, version},  {"version.bind", a, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        for (const auto edns :
             {std::optional<std::uint16_t>{}, std::optional<std::uint16_t>{1232}}) {
            const Told told = ask(chaos(row.name, row.type, edns), Origin::here);
            CHECK(told.rcode == 0);
            CHECK(told.text == row.text);
        }
    }
}

TEST_CASE("others are told nothing, and of other names nobody is") {
    for (const char* name : {"version.bind", "id.server", "authors.bind", "www.example"}) {
        CAPTURE(name);
        const Told outside = ask(chaos(name, txt, 1232), Origin::outside);
        CHECK(outside.rcode == 5);
        CHECK(outside.text.empty());
    }
    for (const char* name : {"authors.bind", "www.example", "x.version.bind", "bind"}) {
        CAPTURE(name);
        const Told here = ask(chaos(name, txt), Origin::here);
        CHECK(here.rcode == 5);
        CHECK(here.text.empty());
    }
}

TEST_CASE("no question of class CHAOS goes upstream") {
    Server server;
    for (const Kind kind : {Kind::udp, Kind::tcp}) {
        Client client{kind, server.at()};
        client.send_message(chaos("version.bind", txt));
        auto reply = client.receive();
        REQUIRE(reply);
        CHECK(rcode_of(*reply) == 0);
        client.send_message(chaos("www.example", txt));
        reply = client.receive();
        REQUIRE(reply);
        CHECK(rcode_of(*reply) == 5);
    }
    server.stop();
    CHECK(server.stats().responses[4][5].get() == 2);
}
