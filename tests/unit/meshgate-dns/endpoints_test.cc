#include "src/meshgate-dns/endpoints.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate::dnsd;

namespace {

class FakeServer : public ServerView {
public:
    std::vector<std::string> reasons;

    StatusReport status() override { return {}; }
    std::string metrics() override { return "meshgate_dns_names 0\n"; }
    std::vector<std::string> not_ready() override { return reasons; }
};

}  // namespace

TEST_CASE("every path of the contract answers, and no other") {
    FakeServer server;
    CHECK(respond("/healthz", server).body == "ok");
    CHECK(respond("/readyz", server).body == "ready");
    CHECK(respond("/metrics", server).content_type.starts_with("text/plain; version=0.0.4"));
    CHECK(respond("/api/v1/status", server).content_type == "application/json");
    for (const std::string path : {"", "/", "/healthz/", "/api/v1/status/x", "/metricsx", "*"}) {
        CAPTURE(path);
        CHECK(respond(path, server).status == 404);
    }
}

TEST_CASE("not ready is 503 with a reason a line, and healthy all the same") {
    FakeServer server;
    server.reasons = {"starting", "upstreams"};
    CHECK(respond("/readyz", server).status == 503);
    CHECK(respond("/readyz", server).body == "starting\nupstreams\n");
    CHECK(respond("/healthz", server).status == 200);
}
