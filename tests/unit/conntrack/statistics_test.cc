#include "netfilter/conntrack/statistics.h"

#include <doctest/doctest.h>

using meshgate::netfilter::ConntrackStatistics;

TEST_CASE("a clash is counted as a drop by the kernel, and is no full table") {
    CHECK(ConntrackStatistics{.insert_failed = 0, .drop = 3}.refused() == 3);
    CHECK(ConntrackStatistics{.insert_failed = 3, .drop = 3}.refused() == 0);
    CHECK(ConntrackStatistics{.insert_failed = 2, .drop = 3}.refused() == 1);
    CHECK(ConntrackStatistics{.insert_failed = 4, .drop = 3}.refused() == 0);  // of older kernels
}
