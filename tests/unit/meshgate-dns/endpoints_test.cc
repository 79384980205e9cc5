#include "src/meshgate-dns/endpoints.h"

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::daemon;
using namespace meshgate::dnsd;

namespace {

class FakeServer : public ServerView {
public:
    std::vector<std::string> reasons;

    StatusReport status() override { return {}; }
    std::string metrics() override { return "meshgate_dns_names 0\n"; }
    std::vector<std::string> not_ready() override { return reasons; }
    std::size_t flush(const std::vector<std::uint8_t>& lower_qname) override {
        flushed = lower_qname;
        return 3;
    }
    void trace(const std::vector<std::uint8_t>& query,
               std::function<void(const TraceView&)> done) override {
        traced = query;
        TraceView view;
        view.source = "owned";
        done(view);
    }
    std::vector<std::uint8_t> flushed{99}, traced;
};

http::Response respond(const http::Request& request, ServerView& server) {
    std::optional<http::Response> response;
    dnsd::respond(request, server, [&](const http::Response& given) { response = given; });
    REQUIRE(response);
    return *response;
}

http::Response get(const std::string& path, ServerView& server) {
    return ::respond({http::Method::get, path}, server);
}

}  // namespace

TEST_CASE("every path of the contract answers, and no other") {
    FakeServer server;
    CHECK(get("/healthz", server).body == "ok");
    CHECK(get("/readyz", server).body == "ready");
    CHECK(get("/metrics", server).content_type.starts_with("text/plain; version=0.0.4"));
    CHECK(get("/api/v1/status", server).content_type == "application/json");
    for (const std::string path : {"", "/", "/healthz/", "/api/v1/status/x", "/metricsx", "*"}) {
        CAPTURE(path);
        CHECK(get(path, server).status == 404);
    }
}

TEST_CASE("not ready is 503 with a reason a line, and healthy all the same") {
    FakeServer server;
    server.reasons = {"starting", "upstreams"};
    CHECK(get("/readyz", server).status == 503);
    CHECK(get("/readyz", server).body == "starting\nupstreams\n");
    CHECK(get("/healthz", server).status == 200);
}

TEST_CASE("only GET and HEAD ask, on every path that is one") {
    FakeServer server;
    for (const auto method : {http::Method::post, http::Method::other}) {
        CHECK(::respond({method, "/healthz"}, server).status == 405);
        CHECK(::respond({method, "/nothing"}, server).status == 404);
    }
    CHECK(::respond({http::Method::head, "/healthz"}, server).status == 200);
}

TEST_CASE("flush is a POST over the unix socket, of all or of a name") {
    FakeServer server;
    const auto flush = [&](http::Method method, const std::string& path, bool is_local) {
        return ::respond({method, path, is_local}, server);
    };
    CHECK(flush(http::Method::get, "/api/v1/flush", true).status == 405);
    CHECK(flush(http::Method::get, "/api/v1/flush", true).allow == "POST");
    CHECK(flush(http::Method::post, "/api/v1/flush", false).status == 403);
    CHECK(flush(http::Method::post, "/api/v1/flush/a..b", true).status == 400);
    CHECK(flush(http::Method::post, "/api/v1/flushx", true).status == 404);
    CHECK(server.flushed == std::vector<std::uint8_t>{99});
    CHECK(flush(http::Method::post, "/api/v1/flush/Www.example", true).body == "{\"flushed\":3}\n");
    CHECK(server.flushed ==
          std::vector<std::uint8_t>{3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0});
    CHECK(flush(http::Method::post, "/api/v1/flush", true).status == 200);
    CHECK(server.flushed.empty());
}

TEST_CASE("a trace is a POST of a query in digits over the unix socket") {
    FakeServer server;
    const auto trace = [&](http::Method method, const std::string& path, bool is_local) {
        return ::respond({method, path, is_local}, server);
    };
    CHECK(trace(http::Method::get, "/api/v1/trace/00ff", true).status == 405);
    CHECK(trace(http::Method::post, "/api/v1/trace/00ff", false).status == 403);
    for (const char* bad : {"", "/", "/0", "/zz", "/00/ff", "x"}) {
        CAPTURE(bad);
        CHECK(trace(http::Method::post, std::string{"/api/v1/trace"} + bad, true).status >= 400);
    }
    CHECK(server.traced.empty());
    const auto response = trace(http::Method::post, "/api/v1/trace/00ff", true);
    CHECK(response.status == 200);
    CHECK(parse_trace(response.body).source == "owned");
    CHECK(server.traced == std::vector<std::uint8_t>{0x00, 0xff});
}
