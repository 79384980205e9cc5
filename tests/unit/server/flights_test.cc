#include "dns/server/flights.h"

#include "tests/unit/server/messages.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

using namespace meshgate;
using dns::server::Flights;
using Role = Flights::Role;

namespace {

/// A question with the message it looks into.
struct Asked {
    explicit Asked(test::Bytes from) : message(std::move(from)) {
        REQUIRE(dns::wire::parse_question(message, question) == dns::wire::Parsed::question);
    }
    test::Bytes message;
    dns::wire::Question question;
};

Role join(Flights& flights, const test::Bytes& message, std::uint64_t ticket) {
    return flights.join(Asked{message}.question, ticket);
}

/// As PendingClients makes them.
std::uint64_t ticket(std::uint32_t index, std::uint32_t generation = 1) {
    return std::uint64_t{generation} << 32 | index;
}

}  // namespace

TEST_CASE("what the cache tells apart are different questions, and nothing else is") {
    const auto base = test::query(1, "www.example", 1, 1232);
    auto changed = [&](std::size_t at, std::uint8_t value) {
        auto out = base;
        out[at] = value;
        return out;
    };
    const std::size_t type = 12 + 13, size = type + 4 + 3, flags = type + 4 + 7;
    struct Row {
        const char* what;
        test::Bytes message;
        Role role;
    };
    const Row rows[] = {
        {"another id", test::query(2, "www.example", 1, 1232), Role::follows},
        {"another case", test::query(1, "WWW.exaMPLE", 1, 1232), Role::follows},
        {"no EDNS", test::query(1, "www.example"), Role::follows},
        {"another size", changed(size, 16), Role::follows},
        {"AD", changed(3, 0x20), Role::follows},
        {"CD", changed(3, 0x10), Role::leads},
        {"no RD", changed(2, 0), Role::leads},
        {"DO", changed(flags, 0x80), Role::leads},
        {"another type", changed(type + 1, 28), Role::leads},
        {"another class", changed(type + 3, 3), Role::leads},
        {"another name", test::query(1, "wwv.example", 1, 1232), Role::leads},
        {"a name below", test::query(1, "x.www.example", 1, 1232), Role::leads},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        Flights flights{4, 4};
        REQUIRE(join(flights, base, ticket(0)) == Role::leads);
        CHECK(join(flights, row.message, ticket(1)) == row.role);
    }
}

TEST_CASE("followers come out in the order they came, and no more than may wait go in") {
    Flights flights{8, 3};
    const auto asked = test::query(1, "www.example");
    CHECK(join(flights, asked, ticket(0)) == Role::leads);
    for (std::uint32_t i = 1; i <= 3; ++i) CHECK(join(flights, asked, ticket(i)) == Role::follows);
    CHECK(join(flights, asked, ticket(4)) == Role::full);
    flights.remove(ticket(2));
    CHECK(join(flights, asked, ticket(5)) == Role::follows);
    for (const std::uint32_t expected : {1U, 3U, 5U}) {
        CHECK(flights.take_follower(ticket(0)) == ticket(expected));
    }
    CHECK_FALSE(flights.take_follower(ticket(0)));
    CHECK_FALSE(flights.has_followers(ticket(0)));
    flights.remove(ticket(0));
    CHECK(join(flights, asked, ticket(6)) == Role::leads);
}

TEST_CASE("after close_all the next one asks anew, and those that wait still get their reply") {
    Flights flights{8, 8};
    const auto asked = test::query(1, "www.example");
    CHECK(join(flights, asked, ticket(0)) == Role::leads);
    CHECK(join(flights, asked, ticket(1)) == Role::follows);
    flights.close_all();
    CHECK(join(flights, asked, ticket(2)) == Role::leads);
    CHECK(join(flights, asked, ticket(3)) == Role::follows);
    CHECK(flights.take_follower(ticket(0)) == ticket(1));
    flights.remove(ticket(0));
    CHECK(flights.take_follower(ticket(2)) == ticket(3));
}

TEST_CASE("a ticket of an earlier client in the same place is not here") {
    Flights flights{2, 2};
    const auto asked = test::query(1, "www.example");
    CHECK(join(flights, asked, ticket(0, 1)) == Role::leads);
    flights.remove(ticket(0, 2));
    CHECK(join(flights, asked, ticket(1)) == Role::follows);
    CHECK_FALSE(flights.take_follower(ticket(0, 2)));
    CHECK(flights.has_followers(ticket(0, 1)));
}

TEST_CASE("a hundred thousand random steps agree with a simple model") {
    constexpr std::uint32_t places = 64;
    constexpr std::size_t followers_max = 5;
    Flights flights{places, followers_max};
    std::map<std::string, std::uint64_t> leaders;  // of a name
    std::map<std::uint64_t, std::pair<std::string, std::deque<std::uint64_t>>> model;
    std::map<std::uint32_t, std::uint64_t> taken;
    std::mt19937 random{7};
    std::uint32_t generation = 0;
    for (int step = 0; step < 100'000; ++step) {
        const std::uint32_t place = random() % places;
        const auto held = taken.find(place);
        if (held == taken.end()) {
            const std::string name = "n" + std::to_string(random() % 12) + ".example";
            const std::uint64_t fresh = ticket(place, ++generation);
            const Role role = join(flights, test::query(1, name), fresh);
            const auto leader = leaders.find(name);
            if (leader == leaders.end()) {
                REQUIRE(role == Role::leads);
                leaders[name] = fresh;
                model[fresh] = {name, {}};
            } else if (auto& followers = model[leader->second].second;
                       followers.size() == followers_max) {
                REQUIRE(role == Role::full);
                continue;
            } else {
                REQUIRE(role == Role::follows);
                followers.push_back(fresh);
            }
            taken[place] = fresh;
            continue;
        }
        const std::uint64_t old = held->second;
        const auto leading = model.find(old);
        if (leading == model.end()) {
            flights.remove(old);
            for (auto& [leader, waiting] : model) std::erase(waiting.second, old);
            taken.erase(held);
            continue;
        }
        auto& [name, followers] = leading->second;
        REQUIRE(flights.has_followers(old) == !followers.empty());
        while (!followers.empty()) {
            REQUIRE(flights.take_follower(old) == followers.front());
            taken.erase(static_cast<std::uint32_t>(followers.front()));
            followers.pop_front();
        }
        REQUIRE_FALSE(flights.take_follower(old));
        flights.remove(old);
        leaders.erase(name);
        model.erase(leading);
        taken.erase(place);
    }
}
