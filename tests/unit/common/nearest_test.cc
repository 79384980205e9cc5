#include "src/common/nearest.h"

#include <doctest/doctest.h>

#include <array>
#include <ostream>

using meshgate::nearest;

TEST_CASE("nearest finds what a person most likely meant") {
    constexpr std::array<std::string_view, 4> keys{"exclude_ports", "include_ports", "port",
                                                   "enabled"};
    struct Row {
        std::string_view word, expected;
    };
    for (const Row& row :
         {Row{"exclude_port", "exclude_ports"}, Row{"exlcude_ports", "exclude_ports"},
          Row{"prot", "port"}, Row{"enabeld", "enabled"}, Row{"colour", ""}, Row{"", ""}}) {
        CAPTURE(row.word);
        CHECK(nearest(row.word, keys) == row.expected);
    }
}
