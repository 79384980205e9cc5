#include "dns/feed/polling.h"

#include "unix_server.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <ostream>
#include <vector>

using namespace meshgate;
using dns::feed::Look;
using namespace std::chrono_literals;

namespace {

const std::string web = R"({"records":[{"name":"web.mesh","ips":["240.0.0.1"]}]})";

const std::string other = R"({"records":[]})";

/// A poller on a thread of its own, and what it told.
class Polled {
public:
    explicit Polled(const std::string& socket)
        : thread_{[this, socket](const std::stop_token& stop) {
              dns::feed::poll_kuma({socket, 1ms, 1ms, 2000ms}, stop, [this](Look look) {
                  const std::lock_guard lock{mutex_};
                  looks_.push_back(std::move(look));
                  told_.notify_all();
              });
          }} {}

    /// The next look that is as wanted; false when none comes.
    template <class Wanted>
    bool sees(Wanted wanted) {
        std::unique_lock lock{mutex_};
        return told_.wait_for(lock, 10s, [&] {
            while (seen_ < looks_.size()) {
                if (wanted(looks_[seen_++])) return true;
            }
            return false;
        });
    }
    bool sees_names(std::size_t count) {
        return sees([count](const Look& look) {
            return look.document && look.document->hosts->size() == count;
        });
    }
    bool sees_unchanged() {
        return sees([](const Look& look) { return !look.document && look.error.empty(); });
    }
    bool sees_error(const std::string& text) {
        return sees([&](const Look& look) { return look.error.find(text) != text.npos; });
    }

private:
    std::mutex mutex_;
    std::condition_variable told_;
    std::vector<Look> looks_;
    std::size_t seen_ = 0;
    std::jthread thread_;
};

/// As Envoy with Kuma's two routes.
std::string like_envoy(const std::string& request) {
    if (test::asked_etag(request) == "\"1\"") return "HTTP/1.1 304 Not Modified\r\n\r\n";
    return test::ok(web, "\"1\"");
}

}  // namespace

TEST_CASE("the socket may come late, vanish and come again") {
    test::UnixServer server;
    Polled polled{server.path()};
    CHECK(polled.sees_error("No such file"));
    server.listen({like_envoy});
    CHECK(polled.sees_names(1));
    CHECK(polled.sees_unchanged());
    server.close();
    CHECK(polled.sees_error("No such file"));
    server.listen({[](const std::string&) { return test::ok(other, "\"1\""); }});
    CHECK(polled.sees_names(0));  // trap 49: the ETag was forgotten
}

TEST_CASE("trap 49: after any error the whole document is asked for again") {
    const char* const errors[] = {"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
                                  "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
                                  "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"rec",
                                  "HTTP/1.1 200 OK\r\nETag: \"9\"\r\nContent-Length: 2\r\n\r\n{}",
                                  "garbage",
                                  ""};
    for (const char* const error : errors) {
        CAPTURE(error);
        test::UnixServer server;
        server.listen(
            {like_envoy, [error](const std::string&) { return std::string{error}; }, like_envoy});
        Polled polled{server.path()};
        CHECK(polled.sees_names(1));
        CHECK(polled.sees([](const Look& look) { return !look.error.empty(); }));
        CHECK(polled.sees_unchanged());
        const auto requests = server.requests();
        CHECK(test::asked_etag(requests[0]).empty());
        CHECK(test::asked_etag(requests[1]) == "\"1\"");
        CHECK(test::asked_etag(requests[2]).empty());
    }
}

TEST_CASE("a 304 that nobody asked for is an error") {
    test::UnixServer server;
    server.listen({[](const std::string&) { return "HTTP/1.1 304 Not Modified\r\n\r\n"; }});
    Polled polled{server.path()};
    CHECK(polled.sees_error("HTTP status 304"));
}

TEST_CASE("a server that answers whole in spite of the ETag is read again") {
    test::UnixServer server;
    server.listen({[](const std::string&) { return test::ok(web, "\"1\""); },
                   [](const std::string&) { return test::ok(web, "\"1\""); },
                   [](const std::string&) { return test::ok(other, "\"2\""); }});
    Polled polled{server.path()};
    CHECK(polled.sees_names(1));
    CHECK(polled.sees_unchanged());
    CHECK(polled.sees_names(0));
}

TEST_CASE("one look") {
    test::UnixServer server;
    CHECK(dns::feed::look_once(server.path(), 1000ms).error.find("No such file") !=
          std::string::npos);
    server.listen({like_envoy});
    const Look look = dns::feed::look_once(server.path(), 1000ms);
    REQUIRE(look.document);
    CHECK(look.document->hosts->size() == 1);
}
