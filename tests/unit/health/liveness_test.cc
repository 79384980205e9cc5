#include "src/health/liveness.h"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace meshgate::health;

TEST_CASE("an endpoint dies and comes to life by checks in a row; the first one decides at once") {
    struct Row {
        const char* checks;  // g: good, b: bad
        const char* alive;   // after each of them
    };
    constexpr unsigned rise = 2, fall = 3;
    for (const Row& row : {
             Row{"ggg", "yyy"},
             Row{"b", "n"},
             Row{"bg", "nn"},
             Row{"bgg", "nny"},
             Row{"bgbgg", "nnnny"},
             Row{"gbb", "yyy"},
             Row{"gbbb", "yyyn"},
             Row{"gbbgbb", "yyyyyy"},
             Row{"gbbgbbb", "yyyyyyn"},
             Row{"gbbbbbgg", "yyynnnny"},
             Row{"bggbbg", "nnyyyy"},
         }) {
        CAPTURE(row.checks);
        Liveness liveness{rise, fall};
        CHECK(liveness.is_alive());
        CHECK_FALSE(liveness.is_checked());
        for (std::size_t i = 0; row.checks[i] != '\0'; ++i) {
            CAPTURE(i);
            const bool before = liveness.is_alive();
            const bool changed = liveness.checked(row.checks[i] == 'g');
            CHECK(liveness.is_checked());
            CHECK(liveness.is_alive() == (row.alive[i] == 'y'));
            CHECK(changed == (before != liveness.is_alive()));
        }
    }
}

TEST_CASE("one that is taken for dead is alive with its first good check") {
    Liveness liveness{3, 3, false};
    CHECK_FALSE(liveness.is_alive());
    CHECK(liveness.checked(true));
    CHECK(liveness.is_alive());
}

TEST_CASE("with one check to rise and to fall each check decides") {
    Liveness liveness{1, 1};
    for (const bool good : {true, false, true, false, false, true}) {
        liveness.checked(good);
        CHECK(liveness.is_alive() == good);
    }
}

TEST_CASE("below the panic threshold all are used") {
    using Flags = std::vector<bool>;
    struct Row {
        Flags alive;
        unsigned panic;
        Flags used;
    };
    for (const Row& row : {
             Row{{true, false, false}, 0, {true, false, false}},
             Row{{false, false}, 0, {false, false}},
             Row{{true, false}, 50, {true, false}},
             Row{{true, false}, 51, {true, true}},
             Row{{true, false, false}, 50, {true, true, true}},
             Row{{false, false}, 1, {true, true}},
             Row{{true, true}, 100, {true, true}},
             Row{{true, false}, 100, {true, true}},
             Row{{}, 50, {}},
         }) {
        CAPTURE(row.panic);
        CHECK(to_be_used(row.alive, row.panic) == row.used);
    }
}
