#include "dns/server/stats.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate::dns::server;
using std::chrono::nanoseconds;

TEST_CASE("a duration is counted in the bucket that holds it, bounds included") {
    struct Row {
        std::int64_t nanoseconds;
        std::size_t bucket;
    };
    const Row rows[] = {{-5, 0},     {0, 0},         {10'000, 0},         {10'001, 1},
                        {25'000, 1}, {1'000'000, 6}, {5'000'000'000, 13}, {5'000'000'001, 14}};
    for (const auto& row : rows) {
        CAPTURE(row.nanoseconds);
        WorkerStats stats;
        stats.took(nanoseconds{row.nanoseconds}, 3);
        CHECK(stats.durations[row.bucket].get() == 3);
    }
}

TEST_CASE("nothing sent, nothing timed") {
    WorkerStats stats;
    stats.took(nanoseconds{1000}, 0);
    CHECK(stats.durations[0].get() == 0);
    CHECK(stats.duration_nanoseconds.get() == 0);
}

TEST_CASE("response codes beyond the table share the last counter") {
    WorkerStats stats;
    stats.responded(Source::upstream, 3);
    stats.responded(Source::upstream, 23);
    stats.responded(Source::upstream, 4000);
    CHECK(stats.responses[3][3].get() == 1);
    CHECK(stats.responses[3][rcode_count - 1].get() == 2);
}

TEST_CASE("queries are counted by type, those of no name of their own together") {
    WorkerStats stats;
    for (const std::uint16_t type : {1, 28, 1, 99, 4711, 0, 255}) {
        stats.received(Proto::udp, AddressFamily::ipv4, type);
    }
    const QueryCounter& counter = stats.queries[0][0];
    CHECK(counter.get() == 7);
    CHECK(counter.of(counted_as(1)).get() == 2);
    CHECK(counter.of(counted_as(28)).get() == 1);
    CHECK(counter.of(counted_as(255)).get() == 1);
    CHECK(counter.of(counted_types.size() - 1).get() == 3);
    for (std::size_t place = 0; place + 1 < counted_types.size(); ++place) {
        CHECK(counted_as(counted_types[place].second) == place);
    }
}
