#include "src/health/http_answer.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using health::HttpAnswer;
using Verdict = HttpAnswer::Verdict;

namespace {

struct Told {
    Verdict verdict = Verdict::more;
    std::string reason;
};

/// The bytes in pieces of so many, then the end.
Told tell(const conf::HealthCheck& check, const std::string& bytes, std::size_t piece) {
    HttpAnswer answer{check};
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto verdict = answer.take(std::string_view{bytes}.substr(at, piece));
        if (verdict != Verdict::more) return {verdict, answer.reason()};
    }
    const auto verdict = answer.end();
    return {verdict, answer.reason()};
}

conf::HealthCheck wants(std::vector<std::uint16_t> status, std::string body = {}) {
    conf::HealthCheck check;
    check.kind = conf::CheckKind::http;
    check.status = std::move(status);
    check.body = std::move(body);
    return check;
}

}  // namespace

TEST_CASE("the request is one of HTTP/1.1, for one connection") {
    CHECK(health::http_request("/ready?x=1", "web.mesh") ==
          "GET /ready?x=1 HTTP/1.1\r\nHost: web.mesh\r\nUser-Agent: meshgate\r\nAccept: */*\r\n"
          "Connection: close\r\n\r\n");
}

TEST_CASE("an answer is good by its status and the text in it, in whatever pieces it comes") {
    struct Row {
        const char* what;
        conf::HealthCheck check;
        std::string bytes;
        const char* reason;  // empty: good
    };
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    for (const Row& row : {
             Row{"200", wants({}), ok + "\r\n", ""},
             Row{"HTTP/1.0", wants({}), "HTTP/1.0 200 Fine\r\n\r\n", ""},
             Row{"399", wants({}), "HTTP/1.1 399 X\r\n\r\n", ""},
             Row{"400", wants({}), "HTTP/1.1 400 Bad\r\n\r\n", "HTTP status 400"},
             Row{"404 wanted", wants({200, 404}), "HTTP/1.1 404 No\r\n\r\n", ""},
             Row{"200 not wanted", wants({404}), ok + "\r\n", "HTTP status 200"},
             Row{"interim", wants({}), "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok + "\r\n", ""},
             Row{"interim, bad", wants({}), "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n",
                 "HTTP status 503"},
             Row{"text by length", wants({}, "fine"), ok + "Content-Length: 10\r\n\r\nall fine..", ""},
             Row{"text to the end", wants({}, "fine"), ok + "\r\nall is fine", ""},
             Row{"text in chunks", wants({}, "fine"), chunked + "2\r\nfi\r\n2;x=y\r\nne\r\n0\r\n\r\n", ""},
             Row{"a chunk's size that is none", wants({}, "fine"), chunked + "x\r\nfine", "no HTTP: a malformed chunk"},
             Row{"no size at all", wants({}, "fine"), chunked + "\r\nfine", "no HTTP: a malformed chunk"},
             Row{"a size of 16 digits", wants({}, "fine"), chunked + "0000000000000004\r\nfine",
                 "no HTTP: a malformed chunk"},
             Row{"a chunk longer than it says", wants({}, "fine"), chunked + "2\r\nfine",
                 "no HTTP: a malformed chunk"},
             Row{"the last chunk", wants({}, "fine"), chunked + "2\r\nfi\r\n0\r\nX: fine\r\n\r\n",
                 "HTTP body without the wanted text"},
             Row{"text that is not there", wants({}, "fine"), ok + "Content-Length: 4\r\n\r\nfins",
                 "HTTP body without the wanted text"},
             Row{"text behind the length", wants({}, "fine"), ok + "Content-Length: 2\r\n\r\nxxfine",
                 "HTTP body without the wanted text"},
             Row{"half of the text", wants({}, "fine"), ok + "\r\nfin", "HTTP body without the wanted text"},
             Row{"text in the head", wants({}, "OK"), ok + "\r\nno", "HTTP body without the wanted text"},
             Row{"no body at all", wants({}, "fine"), ok + "Content-Length: 0\r\n\r\n",
                 "HTTP body without the wanted text"},
             Row{"nothing", wants({}), "", "the connection ended before an HTTP answer"},
             Row{"half of a head", wants({}), ok + "Server: x\r\n",
                 "the connection ended before an HTTP answer"},
         }) {
        CAPTURE(row.what);
        for (const std::size_t piece : {1U, 3U, 1000U}) {
            CAPTURE(piece);
            const auto told = tell(row.check, row.bytes, piece);
            CHECK((told.verdict == Verdict::good) == (row.reason[0] == '\0'));
            CHECK(told.reason == row.reason);
        }
    }
}

TEST_CASE("what is no HTTP is bad, and says so") {
    for (const std::string bytes : {"220 mail ESMTP\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n",
                                    "HTTP/1.1 2x0 OK\r\n\r\n", "\x15\x03\x01\2\2\n\r\n\r\n"}) {
        CAPTURE(bytes);
        const auto told = tell(wants({}), bytes, 1000);
        CHECK(told.verdict == Verdict::bad);
        CHECK(told.reason.starts_with("no HTTP: "));
    }
}

TEST_CASE("an endless head and an endless body come to an end") {
    for (const std::size_t piece : {100U, 4096U}) {
        const auto head = tell(wants({}), "HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x'), piece);
        CHECK(head.verdict == Verdict::bad);
        CHECK(head.reason.starts_with("no HTTP: "));
        const std::string start = "HTTP/1.1 200 OK\r\n\r\n";
        const std::size_t most = HttpAnswer::body_bytes_max;
        CHECK(tell(wants({}, "fine"), start + std::string(most - 4, 'x') + "fine", piece).verdict ==
              Verdict::good);
        CHECK(tell(wants({}, "fine"), start + std::string(most - 3, 'x') + "fine", piece).verdict ==
              Verdict::bad);
    }
}

TEST_CASE("what is too much is known before the connection ends") {
    const auto check = wants({}, "fine");
    HttpAnswer answer{check};
    CHECK(answer.take("HTTP/1.1 200 OK\r\n\r\n") == Verdict::more);
    const std::string half(HttpAnswer::body_bytes_max / 2, 'x');
    CHECK(answer.take(half) == Verdict::more);
    CHECK(answer.take(half) == Verdict::bad);
}

TEST_CASE("a length that is a lie allocates nothing") {
    CHECK(tell(wants({}, "fine"), "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nfine", 7)
              .verdict == Verdict::good);
}

TEST_CASE("interim answers without end are bad") {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
    CHECK(tell(wants({}), many, 1000).verdict == Verdict::bad);
}
