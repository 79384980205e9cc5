#include "src/daemon/admin_server.h"

#include "src/common/asio.h"
#include "src/meshgate-dns/admin_client.h"
#include "src/meshgate-dns/admin_sockets.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::daemon;
using namespace meshgate::dnsd;

namespace {

/// A server on a thread of its own, at a socket in a folder of its own.
class Running {
public:
    Running() {
        dns_.admin = {"unix:" + path().string()};
        dns_.admin_is_default = false;
        AdminSockets sockets = open_admin(dns_, std::nullopt);
        files_ = std::move(sockets.files);
        server_.emplace(context_, std::move(sockets.listening),
                        [this](const http::Request& asked, const http::Reply& reply) {
                            if (asked.path == "/never") return;
                            if (asked.path == "/throws") throw std::runtime_error("on purpose");
                            if (asked.path != "/later") return reply(response_to(asked));
                            asio::post(context_, [reply] {
                                reply({200, "text/plain", "late"});
                                reply({200, "text/plain", "twice"});
                            });
                        });
        thread_ = std::jthread([this] { context_.run(); });
    }
    ~Running() {
        asio::post(context_, [this] { server_.reset(); });
        context_.stop();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    [[nodiscard]] const conf::Dns& dns() const { return dns_; }

    [[nodiscard]] UniqueFd connect() const {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        std::strcpy(where.sun_path, path().c_str());
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
        return fd;
    }

    /// Everything the server says to these bytes, until it closes.
    [[nodiscard]] std::string say(const std::string& bytes) const {
        const UniqueFd fd = connect();
        REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0);
        std::string answer;
        char buffer[65536];
        for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
            answer.append(buffer, static_cast<std::size_t>(n));
        }
        return answer;
    }

private:
    static http::Response response_to(const http::Request& asked) {
        if (asked.path == "/big") return {200, "text/plain", std::string(3000000, 'x')};
        if (asked.path != "/a") return {404, "text/plain", "not found\n"};
        if (asked.method == http::Method::post) {
            return {200, "text/plain", asked.is_local ? "local" : "from afar"};
        }
        if (asked.method == http::Method::other) return {405, "text/plain", "no\n", "POST"};
        return {200, "text/plain", "answer"};
    }

    [[nodiscard]] std::filesystem::path path() const { return folder_ / "dns.sock"; }

    TemporaryFolder folder_;
    conf::Dns dns_;
    asio::io_context context_{1};
    std::vector<SocketFile> files_;
    std::optional<AdminServer> server_;
    std::jthread thread_;
};

bool is(const std::string& answer, const std::string& status) {
    return answer.starts_with("HTTP/1.1 " + status + " ");
}

}  // namespace

TEST_CASE("the client gets the body, and the process that listens") {
    const Running server;
    const auto answer = ask_admin(server.dns(), "/a");
    REQUIRE(answer);
    CHECK(answer->body == "answer");
    CHECK(answer->peer == ::getpid());
    CHECK(ask_admin(server.dns(), "/big")->body.size() == 3000000);
    CHECK(ask_admin(server.dns(), "/a", "POST")->body == "local");
    CHECK_THROWS_WITH_AS(ask_admin(server.dns(), "/other"), doctest::Contains("404: not found"),
                         std::runtime_error);
}

TEST_CASE("nobody at the socket is no answer, an admin that is off an error") {
    conf::Dns dns;
    dns.admin = {"unix:/nonexistent/dns.sock"};
    CHECK_FALSE(ask_admin(dns, "/a"));
    dns.admin.clear();
    CHECK_THROWS_AS(ask_admin(dns, "/a"), std::runtime_error);
}

TEST_CASE("each request gets its status") {
    const Running server;
    CHECK(is(server.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"), "200"));
    CHECK(is(server.say("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"), "404"));
    const std::string posted = server.say("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    CHECK(is(posted, "200"));
    CHECK(posted.ends_with("\r\n\r\nlocal"));
    const std::string deleted = server.say("DELETE /a HTTP/1.1\r\n\r\n");
    CHECK(is(deleted, "405"));
    CHECK(deleted.find("\r\nAllow: POST\r\n") != std::string::npos);
    CHECK(is(server.say("POST /b HTTP/1.1\r\n\r\n"), "404"));
    CHECK(is(server.say("nonsense\r\n\r\n"), "400"));
    CHECK(is(server.say("GET /" + std::string(20000, 'a')), "431"));
    const std::string head = server.say("HEAD /a HTTP/1.1\r\n\r\n");
    CHECK(is(head, "200"));
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(head.find("Content-Length: 6\r\n") != std::string::npos);
}

TEST_CASE("connections over the limit wait and are served when there is room") {
    const Running server;
    std::vector<UniqueFd> idle;
    for (int i = 0; i < 64; ++i) idle.push_back(server.connect());
    const UniqueFd waiting = server.connect();
    const std::string request = "GET /a HTTP/1.1\r\n\r\n";
    REQUIRE(::send(waiting.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
    char buffer[16];
    CHECK(::recv(waiting.get(), buffer, sizeof buffer, MSG_DONTWAIT) < 0);
    idle.pop_back();
    CHECK(::recv(waiting.get(), buffer, 8, MSG_WAITALL) == 8);
    CHECK(std::string(buffer, 8) == "HTTP/1.1");
}

TEST_CASE("a response may come later, once, or never, and a handler may fail") {
    const Running server;
    const std::string late = server.say("GET /later HTTP/1.1\r\n\r\n");
    CHECK(late.starts_with("HTTP/1.1 200 "));
    CHECK(late.ends_with("late"));
    CHECK(server.say("GET /throws HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 500 "));
    const UniqueFd waiting = server.connect();
    const std::string request = "GET /never HTTP/1.1\r\n\r\n";
    REQUIRE(::send(waiting.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
    CHECK(server.say("GET /a HTTP/1.1\r\n\r\n").ends_with("answer"));
}
