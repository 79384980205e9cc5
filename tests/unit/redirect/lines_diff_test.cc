#include "src/meshgate-redirect/lines_diff.h"

#include "src/meshgate-redirect/printable.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using meshgate::redirect::lines_diff;
using Lines = std::vector<std::string>;

TEST_CASE("what goes and what comes, in order, and nothing of what stays") {
    struct Row {
        Lines before;
        Lines after;
        Lines diff;
    };
    const Row rows[] = {
        {{}, {}, {}},
        {{"a", "b"}, {"a", "b"}, {}},
        {{}, {"a", "b"}, {"+ a", "+ b"}},
        {{"a", "b"}, {}, {"- a", "- b"}},
        {{"a", "b", "c"}, {"a", "x", "c"}, {"- b", "+ x"}},
        {{"a", "b", "c"}, {"b", "c", "d"}, {"- a", "+ d"}},
        {{"a", "b", "c", "d"}, {"a", "c", "b", "d"}, {"- b", "+ b"}},
        {{"a", "a"}, {"a"}, {"- a"}},
        {{"1", "2", "3", "4", "5"}, {"0", "1", "3", "5", "6"}, {"+ 0", "- 2", "- 4", "+ 6"}},
    };
    for (const Row& row : rows) CHECK(lines_diff(row.before, row.after) == row.diff);
}

TEST_CASE("lists too long for the least difference are told whole") {
    Lines before{"same"};
    Lines after{"same"};
    for (int i = 0; i < 4000; ++i) {
        before.push_back("b" + std::to_string(i));
        after.push_back("a" + std::to_string(i));
    }
    const auto diff = lines_diff(before, after);
    CHECK(diff.size() == 8000);
    CHECK(diff.front() == "- b0");
    CHECK(diff.back() == "+ a3999");
}

TEST_CASE("control characters are printed as numbers") {
    using meshgate::redirect::printable;
    CHECK(printable("output tcp dport 22 return") == "output tcp dport 22 return");
    CHECK(printable("\x1b[2J\n\x7f caf\xc3\xa9") == "\\x1b[2J\\x0a\\x7f caf\xc3\xa9");
}
