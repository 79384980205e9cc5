#include "netfilter/nftnl/userdata.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <ostream>
#include <stdexcept>
#include <string>

using namespace meshgate::netfilter;

namespace {

Userdata comment(std::string_view text) {
    Userdata userdata;
    put_text(userdata, 0, text);
    return userdata;
}

}  // namespace

TEST_CASE("ownership comes back as it was written") {
    const Ownership written{.format = 7, .version = "1.2.3-rc4", .digest = std::string(64, 'f')};
    const auto read = read_ownership(write_ownership(written));
    REQUIRE(read.has_value());
    CHECK(read->format == 7);
    CHECK(read->version == "1.2.3-rc4");
    CHECK(read->digest == std::string(64, 'f'));
}

TEST_CASE("ownership is one comment that nft prints") {
    const auto userdata = write_ownership({.format = 1, .version = "0.1.0", .digest = "ab"});
    CHECK(find_text(userdata, 0) == "meshgate format=1 version=0.1.0 digest=ab");
}

TEST_CASE("a table says that it is ours, or it is not") {
    struct Row {
        std::string_view text;
        bool ours;
    };
    for (const auto& row : std::initializer_list<Row>{
             {"meshgate format=1 version=0.1.0 digest=ab", true},
             {"meshgate format=2 version=9 digest=ab later=words", true},
             {"meshgate format=1", true},
             {"meshgate", false},
             {"meshgate format=0", false},
             {"meshgate format=65536", false},
             {"meshgate format=-1", false},
             {"meshgate format=1x", false},
             {"meshgate format= version=1", false},
             {"meshgate2 format=1", false},
             {"table of meshgate format=1", false},
             {"", false},
         }) {
        CAPTURE(row.text);
        CHECK(read_ownership(comment(row.text)).has_value() == row.ours);
    }
}

TEST_CASE("userdata of strangers is not trusted") {
    for (const auto& bytes : std::initializer_list<Userdata>{
             {},
             {0},
             {0, 0},
             {0, 1},
             {0, 255, 'm'},
             {0, 3, 'a', 'b', 'c'},        // no NUL
             {0, 4, 'a', 0, 'c', 0},       // a NUL within
             {5, 200, 0, 3, 'a', 'b', 0},  // a length beyond the end before it
             {5, 1, 1, 0},                 // a header cut off
         }) {
        CHECK_FALSE(find_text(bytes, 0).has_value());
        CHECK_FALSE(read_ownership(bytes).has_value());
    }
    CHECK(find_text(Userdata{9, 1, 7, 0, 3, 'a', 'b', 0}, 0) == "ab");
}

TEST_CASE("a comment has 128 bytes at most") {
    Userdata userdata;
    put_text(userdata, 0, std::string(128, 'x'));
    CHECK(find_text(userdata, 0) == std::string(128, 'x'));
    CHECK_THROWS_AS(put_text(userdata, 0, std::string(129, 'x')), std::length_error);
    Userdata empty;
    put_text(empty, 0, "");
    CHECK(empty.empty());
}
