#include "dns/records/query.h"

#include <algorithm>
#include <iterator>
#include <ostream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::dns::records;

namespace {

/// An answer to backend.mesh A with these header flags, counts and bytes behind the question.
std::vector<std::uint8_t> reply(std::uint8_t rcode, std::uint8_t answers, std::uint8_t additional,
                                const std::vector<std::uint8_t>& rest) {
    std::vector<std::uint8_t> bytes{0,   7,   0x85, static_cast<std::uint8_t>(0x80U | rcode),
                                    0,   1,   0,    answers,
                                    0,   0,   0,    additional,
                                    7,   'b', 'a',  'c',
                                    'k', 'e', 'n',  'd',
                                    4,   'm', 'e',  's',
                                    'h', 0,   0,    1,
                                    0,   1};
    // Not insert(): g++ 12 sees an overflow in it at -O2 that is not there.
    std::copy(rest.begin(), rest.end(), std::back_inserter(bytes));
    return bytes;
}

}  // namespace

TEST_CASE("a query is one question with RD and an OPT of 1232 bytes") {
    const auto query = make_query("Backend.Mesh", "aaaa");
    const std::vector<std::uint8_t> rest(query.begin() + 2, query.end());
    CHECK(rest == std::vector<std::uint8_t>{
                      1,  0,   0,   1,   0,   0,   0,    0,    0, 1,  // RD; one OPT
                      7,  'B', 'a', 'c', 'k', 'e', 'n',  'd',  4, 'M', 'e', 's', 'h', 0, 0,
                      28, 0,   1,   0,   0,   41,  0x04, 0xd0, 0, 0,   0,   0,   0,   0});
}

TEST_CASE("types without a name have a number; what is none is said") {
    const auto query = make_query("x.mesh", "TYPE65280");
    CHECK(query[12 + 8] == 0xff);
    CHECK(query[12 + 9] == 0x00);
    CHECK_THROWS_WITH_AS(make_query("x.mesh", "NOPE"), doctest::Contains("'NOPE'"),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(make_query("a..b", "A"), doctest::Contains("'a..b'"), std::runtime_error);
    CHECK_THROWS_AS(make_query(std::string(300, 'a'), "A"), std::runtime_error);
}

TEST_CASE("the answer section is printed a value a line") {
    const auto text =
        read_reply(reply(0, 2, 0, {0xc0, 12, 0, 1,  0, 1, 0, 0, 0, 30, 0, 4, 240, 0,   0,   7,
                                   0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 30, 0, 4, 3,   'a', ' ', 'b'}));
    CHECK(text.rcode == "NOERROR");
    CHECK(text.values == std::vector<std::string>{"240.0.0.7", "\"a b\""});
    CHECK(text.extended_errors.empty());
}

TEST_CASE("the code with its upper bits and the extended errors are words") {
    const auto text = read_reply(
        reply(2, 0, 1, {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 8, 0, 15, 0, 4, 0, 22, 'n', 'o'}));
    CHECK(text.rcode == "SERVFAIL");
    CHECK(text.extended_errors == std::vector<std::string>{"extended error 22: no"});
    CHECK(read_reply(reply(0, 0, 1, {0, 0, 41, 4, 0xd0, 1, 0, 0, 0, 0, 0})).rcode == "RCODE16");
    CHECK(read_reply(reply(3, 0, 0, {})).rcode == "NXDOMAIN");
}

TEST_CASE("bytes that are no message are said to be none") {
    CHECK_THROWS_AS(read_reply(std::vector<std::uint8_t>{1, 2, 3}), std::runtime_error);
    CHECK_THROWS_AS(read_reply(reply(0, 1, 0, {0xc0})), std::runtime_error);
}

TEST_CASE("no record of whatever type has a value that commands the terminal or ends the line") {
    const std::vector<std::vector<std::uint8_t>> fields = {
        {0x1b, '[', '2', 'J', '\n', '\r', 0x7f, 0x9b, 0xff, 0},
        {'"', '\\', '\n', 0x1b},
        {5, 0x1b, '"', '\n', '\\', 0xff},
        {5, 0x1b, '"', '\n', '\\', 0xff, 0},
        {0, 1, 5, 0x1b, '"', '\n', '\\', 0xff, 0},
        {0, 3, 't', 'a', 'g', 0x1b, '\n', 0xff},
        {0, 1, 0, 2, 2, 0x1b, '\n', 2, '"', 0xff, 1, '\n', 0},
        {0, 1, 0, 0, 1, 0, 3, 2, 0x1b, '\n'},
        {0, 1, 0, 0, 7, 0, 3, 0x1b, '\n', '"'},
        {0, 1, 0, 2, '\n', 0x1b, 0x9b, 'x'},
    };
    std::size_t printed = 0;
    for (unsigned type = 1; type < 300; ++type) {
        for (const auto& field : fields) {
            std::vector<std::uint8_t> record{0xc0,
                                             12,
                                             static_cast<std::uint8_t>(type >> 8U),
                                             static_cast<std::uint8_t>(type & 0xffU),
                                             0,
                                             1,
                                             0,
                                             0,
                                             0,
                                             30,
                                             0,
                                             static_cast<std::uint8_t>(field.size())};
            std::copy(field.begin(), field.end(), std::back_inserter(record));
            ReplyText text;
            try {
                text = read_reply(reply(0, 1, 0, record));
            } catch (const std::runtime_error&) {
                continue;  // no data of this type
            }
            for (const std::string& value : text.values) {
                ++printed;
                CAPTURE(type);
                CAPTURE(value);
                CHECK(std::all_of(value.begin(), value.end(),
                                  [](char c) { return c >= ' ' && c <= '~'; }));
            }
        }
    }
    CHECK(printed > 200);
}
