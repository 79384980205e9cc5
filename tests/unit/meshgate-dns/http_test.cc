#include "src/daemon/http.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::daemon::http;

TEST_CASE("a request is read in pieces of any size") {
    const std::string text = "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    for (std::size_t n = 0; n < text.size(); ++n) {
        CAPTURE(n);
        CHECK(std::holds_alternative<Incomplete>(parse_request(text.substr(0, n))));
    }
    const auto parsed = parse_request(text);
    REQUIRE(std::holds_alternative<Request>(parsed));
    CHECK(std::get<Request>(parsed).method == Method::get);
    CHECK(std::get<Request>(parsed).path == "/metrics");
}

TEST_CASE("methods are told apart, and a body is not waited for") {
    CHECK(std::get<Request>(parse_request("HEAD / HTTP/1.1\r\n\r\n")).method == Method::head);
    CHECK(std::get<Request>(parse_request("POST / HTTP/1.1\r\n\r\n")).method == Method::post);
    for (const std::string method : {"PUT", "DELETE", "OPTIONS", "get"}) {
        CAPTURE(method);
        const auto parsed =
            parse_request(method + " /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
        REQUIRE(std::holds_alternative<Request>(parsed));
        CHECK(std::get<Request>(parsed).method == Method::other);
    }
}

TEST_CASE("what is no request is 400, and a head that is too large is 431") {
    struct Row {
        std::string text;
        unsigned status;
    };
    const Row rows[] = {
        {"\x16\x03\x01\x02\r\n\r\n", 400},  // a TLS client
        {"GET\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", 431},
        {"GET / HTTP/1.1\r\nX: " + std::string(9000, 'a'), 431},
        {"GET /" + std::string(head_bytes_max - 5, 'a'), 431},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text.substr(0, 40));
        const auto parsed = parse_request(row.text);
        REQUIRE(std::holds_alternative<BadRequest>(parsed));
        CHECK(std::get<BadRequest>(parsed).status == row.status);
    }
}

TEST_CASE("a response survives the way through the client; HEAD has GET's length and no body") {
    const Response response{200, "application/json", "{\"a\":1}"};
    const std::string bytes = serialize(response, Method::get);
    const Response back = parse_response(bytes);
    CHECK(back.status == 200);
    CHECK(back.content_type == "application/json");
    CHECK(back.body == response.body);

    const std::string head = serialize(response, Method::head);
    CHECK(head == bytes.substr(0, bytes.size() - response.body.size()));
    CHECK(serialize({405, "text/plain", ""}, Method::get).find("Allow: GET, HEAD\r\n") !=
          std::string::npos);
}

TEST_CASE("the client refuses what is no response") {
    for (const std::string text :
         {"", "hello", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_response(text), std::runtime_error);
    }
}
