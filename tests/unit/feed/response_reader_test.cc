#include "dns/feed/response_reader.h"

#include <doctest/doctest.h>

#include <ostream>
#include <stdexcept>
#include <string>

using namespace meshgate::dns::feed;

namespace {

constexpr std::size_t all_at_once = 1 << 20;

/// "200 ETAG BODY", or the error after '!'; the bytes come in pieces and then end.
std::string in_words(std::string_view bytes, std::size_t piece) {
    try {
        ResponseReader reader;
        bool whole = false;
        while (!bytes.empty() && !whole) {
            whole = reader.put(bytes.substr(0, piece));
            bytes.remove_prefix(std::min(piece, bytes.size()));
        }
        if (!whole) reader.end();
        const HttpResponse response = reader.take();
        return std::to_string(response.status) + " " + response.etag + " " + response.body;
    } catch (const std::runtime_error& error) {
        return std::string{"! "} + error.what();
    }
}

struct Row {
    const char* what;
    std::string bytes;
    std::string words;
};

std::string with_etag(const std::string& etag) {
    return "HTTP/1.1 200 OK\r\nETag: " + etag + "\r\nContent-Length: 2\r\n\r\n{}";
}

}  // namespace

TEST_CASE("a response is read whole, in pieces of any size") {
    const Row rows[] = {
        {"a length", with_etag("\"x\""), "200 \"x\" {}"},
        {"field names in any case", "HTTP/1.1 200 OK\r\netag: x\r\ncontent-length: 2\r\n\r\n{}",
         "200 x {}"},
        {"no length: to the end", "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}", "200  {\"a\":1}"},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n{}", "200  {}"},
        {"chunks",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
         "200  {}"},
        {"304 has no body", "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 9\r\n\r\n",
         "304 x "},
        {"another status", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404  "},
        {"a length shorter than the body", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
         "200  {"},
        {"an ETag too long is none", with_etag(std::string(etag_bytes_max + 1, 'e')), "200  {}"},
        {"an ETag with a blank is none", with_etag("a b"), "200  {}"},
    };
    for (const Row& row : rows) {
        for (const std::size_t piece : {all_at_once, std::size_t{1}, std::size_t{3}}) {
            CAPTURE(row.what);
            CAPTURE(piece);
            CHECK(in_words(row.bytes, piece) == row.words);
        }
    }
}

TEST_CASE("what is no response, or too large, is an error") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const Row rows[] = {
        {"nothing", "", ""},
        {"garbage", "\x16\x03\x01\x02 not HTTP\r\n\r\n", ""},
        {"half a head", "HTTP/1.1 200 OK\r\nETag", ""},
        {"half a body", ok + "Content-Length: 20\r\n\r\n{\"records\":", ""},
        {"half the chunks", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a", ""},
        {"a length that is none", ok + "Content-Length: many\r\n\r\n{}", ""},
        {"two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}", ""},
        {"a length beyond the bound", ok + "Content-Length: 999999999999\r\n\r\n", ""},
        {"a head without an end", ok + "X: " + std::string(3 * head_bytes_max, 'x'), ""},
        {"many fields",
         ok +
             [] {
                 std::string fields;
                 for (int i = 0; i < 3000; ++i) fields += "X: y\r\n";
                 return fields + "\r\n";
             }(),
         ""},
        {"a chunk's line without an end",
         ok + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(3 * head_bytes_max, 'x'), ""},
    };
    for (const Row& row : rows) {
        for (const std::size_t piece : {all_at_once, std::size_t{7}}) {
            CAPTURE(row.what);
            CAPTURE(piece);
            CHECK(in_words(row.bytes, piece).starts_with("! "));
        }
    }
}
