#include "src/common/json_string.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using meshgate::json_string;

TEST_CASE("a JSON string is valid whatever goes in") {
    struct Row {
        std::string text;
        std::string json;
    };
    const Row rows[] = {{"", "\"\""},
                        {"tcp dport 53", "\"tcp dport 53\""},
                        {"say \"no\"", R"("say \"no\"")"},
                        {"C:\\x", R"("C:\\x")"},
                        {"a\nb\x01", R"("a\u000ab\u0001")"},
                        {"\xff\x7f", R"("\u00ff\u007f")"},
                        {"caf\xc3\xa9 \xf0\x9f\x90\x9f", "\"caf\xc3\xa9 \xf0\x9f\x90\x9f\""},
                        {"caf\xe9!", R"("caf\u00e9!")"},
                        {"cut \xc3", R"("cut \u00c3")"},
                        {"\xe0\x80\x80", R"("\u00e0\u0080\u0080")"},
                        {"\xed\xa0\x80", R"("\u00ed\u00a0\u0080")"},
                        {"\xf4\x90\x80\x80", R"("\u00f4\u0090\u0080\u0080")"},
                        {std::string("\0", 1), R"("\u0000")"}};
    for (const Row& row : rows) {
        CAPTURE(row.json);
        CHECK(json_string(row.text) == row.json);
    }
}
