#include "dns/feed/http_get.h"

#include "unix_server.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <ostream>
#include <stdexcept>
#include <system_error>
#include <thread>

using namespace meshgate;
using dns::feed::get;
using namespace std::chrono_literals;

namespace {

/// The errno of what is thrown; 0: nothing is.
int error_of(const dns::feed::HttpGet& request, const std::stop_token& stop = {}) {
    try {
        get(request, stop);
    } catch (const std::system_error& error) {
        return error.code().value();
    }
    return 0;
}

}  // namespace

TEST_CASE("a request has the path, the host and what is known") {
    test::UnixServer server;
    server.listen({[](const std::string&) { return test::ok("{}", "\"2\""); }});
    const auto response = get({server.path(), "/dns", "\"1\"", 5000ms}, {});
    CHECK(response.status == 200);
    CHECK(response.etag == "\"2\"");
    CHECK(response.body == "{}");
    REQUIRE(server.requests().size() == 1);
    const std::string request = server.requests()[0];
    CHECK(request.starts_with("GET /dns HTTP/1.1\r\nHost: localhost\r\n"));
    CHECK(test::asked_etag(request) == "\"1\"");
}

TEST_CASE("a body of several megabytes arrives whole") {
    const std::string body(8U << 20U, 'x');
    test::UnixServer server;
    server.listen({[&body](const std::string&) { return test::ok(body); }});
    CHECK(get({server.path(), "/dns", "", 5000ms}, {}).body == body);
}

TEST_CASE("nobody there, and nobody who speaks") {
    test::UnixServer server;
    CHECK(error_of({server.path(), "/dns", "", 5000ms}) == ENOENT);
    CHECK(error_of({"/" + std::string(200, 'x'), "/dns", "", 5000ms}) == ENAMETOOLONG);
    server.be_silent();
    server.listen({});
    CHECK(error_of({server.path(), "/dns", "", 20ms}) == ETIMEDOUT);
}

TEST_CASE("a stop ends the wait at once") {
    test::UnixServer server;
    server.be_silent();
    server.listen({});
    std::stop_source stop;
    std::jthread stopper{[&stop] { stop.request_stop(); }};
    CHECK(error_of({server.path(), "/dns", "", 60'000ms}, stop.get_token()) == ECANCELED);
}
