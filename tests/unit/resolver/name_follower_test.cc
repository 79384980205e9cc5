#include "src/resolver/name_follower.h"

#include "src/common/asio.h"

#include <doctest/doctest.h>

#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace meshgate;
using namespace std::chrono_literals;

namespace {

using Addresses = std::vector<conf::IpAddress>;

conf::IpAddress ip(const char* text) {
    return conf::IpAddress::parse(text).value();
}

struct Fixture {
    asio::io_context context{1};
    std::vector<std::pair<std::string, HostResolver::Found>> asked;
    std::vector<std::string> changed;
    std::optional<NameFollower> names{std::in_place, context,
                                      [this](const std::string& host, HostResolver::Found found) {
                                          asked.emplace_back(host, std::move(found));
                                      },
                                      [this](const std::string& host) { changed.push_back(host); }};
};

}  // namespace

TEST_CASE("a name is asked for again when its TTL is over, within bounds") {
    const Addresses some{ip("192.0.2.1")};
    struct Row {
        HostAnswer answer;
        std::chrono::seconds pause;
    };
    for (const Row& row : {
             Row{{some, 60s, true}, 60s},
             Row{{some, 1s, true}, 5s},
             Row{{some, 1000h, true}, 1h},
             Row{{some, 0s, true}, 30s},  // of /etc/hosts
             Row{{{}, 600s, true}, 5s},   // it has none: it may have some soon
             Row{{{}, 0s, false}, 5s},    // nobody could say
         }) {
        CAPTURE(row.answer.ttl.count());
        CHECK(pause_after(row.answer) == row.pause);
    }
}

TEST_CASE("addresses change with the answers, and stay while nobody can say") {
    Fixture f;
    f.names->follow({"a.example", "b.example"});
    REQUIRE(f.asked.size() == 2);
    CHECK(f.names->addresses("a.example").empty());
    f.asked[0].second({{ip("192.0.2.2"), ip("192.0.2.1")}, 60s, true});
    CHECK(f.names->addresses("a.example") == Addresses{ip("192.0.2.1"), ip("192.0.2.2")});
    CHECK(f.changed == std::vector<std::string>{"a.example"});
    f.asked[0].second({{ip("192.0.2.1"), ip("192.0.2.2")}, 60s, true});  // in another order
    f.asked[0].second({{}, 0s, false});
    CHECK(f.changed.size() == 1);
    CHECK(f.names->addresses("a.example").size() == 2);
    f.asked[0].second({{}, 0s, true});  // it has none any more
    CHECK(f.changed.size() == 2);
    CHECK(f.names->addresses("a.example").empty());
}

TEST_CASE("what is known of a name stays as long as it is followed, and no longer") {
    Fixture f;
    f.names->follow({"a.example"});
    f.asked[0].second({{ip("192.0.2.1")}, 60s, true});
    f.names->follow({"a.example", "b.example"});
    CHECK(f.asked.size() == 2);
    CHECK(f.names->addresses("a.example").size() == 1);
    f.names->follow({});
    CHECK(f.names->addresses("a.example").empty());
    f.asked[1].second({{ip("192.0.2.7")}, 60s, true});  // too late
    CHECK(f.changed.size() == 1);
}

TEST_CASE("an end while questions are under way calls nobody") {
    Fixture f;
    f.names->follow({"a.example"});
    f.names.reset();
    f.asked[0].second({{ip("192.0.2.1")}, 60s, true});
    CHECK(f.changed.empty());
}
