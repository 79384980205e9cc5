#include "dns/server/rate_limiter.h"

#include "dns/server/admission.h"
#include "tests/unit/server/peers.h"

#include <doctest/doctest.h>

#include <ostream>
#include <random>
#include <string>

using namespace meshgate;
using dns::server::RateLimiter;
using meshgate::test::peer;
using Judgement = RateLimiter::Judgement;
using Time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

namespace {

constexpr Time start{std::chrono::hours{1}};

struct Limited : RateLimiter {
    explicit Limited(std::uint32_t rate) { set_rate(rate); }
};

/// How many of `count` queries at one moment are within the limit.
int within(RateLimiter& limit, const char* source, Time now, int count) {
    int good = 0;
    for (int i = 0; i < count; ++i) good += limit.judge(peer(source), now) == Judgement::within;
    return good;
}

dns::server::Peer random_peer(std::mt19937& random) {
    dns::server::Peer out{.v6 = {}};
    out.v4.sin_family = AF_INET;
    out.v4.sin_addr.s_addr = random();
    return out;
}

}  // namespace

TEST_CASE("the queries of a second at once, then as many as the rate gives") {
    Limited limit{100};
    CHECK(within(limit, "192.0.2.1", start, 150) == 100);
    CHECK(within(limit, "192.0.2.1", start + milliseconds{9}, 1) == 0);
    CHECK(within(limit, "192.0.2.1", start + milliseconds{10}, 5) == 1);
    CHECK(within(limit, "192.0.2.1", start + milliseconds{510}, 100) == 50);
    CHECK(within(limit, "192.0.2.1", start + std::chrono::hours{1}, 1000) == 100);
    CHECK(within(limit, "192.0.2.2", start + std::chrono::hours{1}, 1000) == 100);
}

TEST_CASE("above the limit one query is told to come over TCP, the next gets nothing") {
    Limited limit{1};
    CHECK(within(limit, "192.0.2.1", start, 1) == 1);
    for (int i = 0; i < 4; ++i) {
        CHECK(limit.judge(peer("192.0.2.1"), start) == Judgement::truncate);
        CHECK(limit.judge(peer("192.0.2.1"), start) == Judgement::drop);
    }
}

TEST_CASE("an IPv4 address is a source, and an IPv6 network of 64 bits") {
    struct Row {
        const char *first, *second;
        bool same;
    };
    const Row rows[] = {
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8::1", "2001:db8::ffff:1:2:3", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"192.0.2.1", "c000:201::", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.first);
        CAPTURE(row.second);
        Limited limit{5};
        CHECK(within(limit, row.first, start, 5) == 5);
        CHECK(within(limit, row.second, start, 5) == (row.same ? 0 : 5));
    }
}

TEST_CASE("without a limit nothing is counted, and a new limit forgets") {
    Limited limit{0};
    CHECK(within(limit, "192.0.2.1", start, 1000) == 1000);
    limit.set_rate(2);
    CHECK(within(limit, "192.0.2.1", start, 10) == 2);
    limit.set_rate(2);  // the same
    CHECK(within(limit, "192.0.2.1", start, 10) == 0);
    limit.set_rate(3);
    CHECK(within(limit, "192.0.2.1", start, 10) == 3);
}

TEST_CASE("a flood of invented sources neither grows the table nor frees the one that asks most") {
    Limited limit{100};
    std::mt19937 random{1};
    CHECK(within(limit, "192.0.2.1", start, 200) == 100);
    std::size_t good = 0;
    constexpr std::size_t sources = 4 * RateLimiter::sources_max;
    for (std::size_t i = 0; i < sources; ++i) {
        good += limit.judge(random_peer(random), start) == Judgement::within ? 1 : 0;
    }
    CHECK(good == sources);  // each of them asked once
    CHECK(within(limit, "192.0.2.1", start, 10) == 0);
}

TEST_CASE("who may not ask is refused, but not more often than the limit") {
    dns::server::Admission admission;
    using Verdict = dns::server::Admission::Verdict;
    admission.set_rate_limit(2);
    CHECK(admission.judge(peer("192.0.2.1"), start) == Verdict::refuse);
    CHECK(admission.judge(peer("192.0.2.1"), start) == Verdict::refuse);
    CHECK(admission.judge(peer("192.0.2.1"), start) == Verdict::truncate);
    CHECK(admission.judge(peer("192.0.2.1"), start) == Verdict::drop);
}
