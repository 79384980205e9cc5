#include "src/meshgate-dns/json.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using meshgate::dnsd::json_string;

TEST_CASE("a JSON string escapes what has to be and replaces what is no UTF-8") {
    struct Row {
        std::string text;
        std::string json;
    };
    const Row rows[] = {
        {"", "\"\""},
        {"backend.mesh", "\"backend.mesh\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"two\nlines", "\"two\\nlines\""},
        {std::string("\x00\x1f\x7f", 3), "\"\\u0000\\u001f\\u007f\""},
        {"m\xc3\xa4h \xe2\x82\xac \xf0\x9f\x8c\x90",
         "\"m\xc3\xa4h \xe2\x82\xac \xf0\x9f\x8c\x90\""},
        {"\xc3", "\"\\ufffd\""},                                   // cut short
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},                        // overlong '/'
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},             // a surrogate
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},  // above U+10FFFF
        {"\xffok", "\"\\ufffdok\""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(json_string(row.text) == row.json);
    }
}
