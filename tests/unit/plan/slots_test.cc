#include "netfilter/plan/slots.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <ostream>
#include <vector>

using namespace meshgate::netfilter;

namespace {

using Weights = std::vector<std::uint32_t>;
using Counts = std::vector<std::size_t>;

Counts counts_of(const std::vector<std::size_t>& slots, std::size_t endpoints) {
    Counts counts(endpoints);
    for (const auto slot : slots) ++counts.at(slot);
    return counts;
}

/// The largest difference of a share and what it should be, of those that are alive.
double error_of(const Counts& counts, const Weights& weights, const std::vector<bool>& alive) {
    double total = 0, slots = 0, error = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) total += alive[i] ? weights[i] : 0;
    for (const auto count : counts) slots += static_cast<double>(count);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double due = alive[i] ? weights[i] / total : 0;
        error = std::max(error, std::abs(due - static_cast<double>(counts[i]) / slots));
    }
    return error;
}

}  // namespace

TEST_CASE("weights are slots, as few as there can be") {
    struct Row {
        Weights weights;
        Counts slots;
    };
    const std::vector<Row> rows{{{}, {}},
                                {{1}, {1}},
                                {{1000}, {1}},
                                {{1, 1, 1, 1}, {1, 1, 1, 1}},
                                {{500, 500}, {1, 1}},
                                {{10, 30}, {1, 3}},
                                {{6, 10, 15}, {6, 10, 15}},
                                {{255, 1}, {255, 1}}};
    for (const auto& row : rows) {
        CAPTURE(row.weights.size());
        CHECK(fewest_slots(row.weights) == row.slots);
    }
}

TEST_CASE("weights that would take too many slots are kept within one per cent") {
    for (const Weights& weights :
         {Weights{1000, 999}, Weights{1000, 1}, Weights{997, 499, 251, 3}, Weights(256, 7)}) {
        const auto slots = fewest_slots(weights);
        REQUIRE(slots.has_value());
        CHECK(std::accumulate(slots->begin(), slots->end(), std::size_t{0}) <= slots_max);
        CHECK(*std::ranges::min_element(*slots) >= 1);
        CHECK(error_of(*slots, weights, std::vector<bool>(weights.size(), true)) <= 0.01);
    }
}

TEST_CASE("weights that cannot be are none") {
    Weights one_large(200, 1);
    one_large.front() = 1000;
    CHECK_FALSE(fewest_slots(one_large).has_value());
    CHECK_FALSE(fewest_slots(Weights(257, 1)).has_value());
    CHECK_FALSE(fewest_slots(Weights(3, 1), 2).has_value());
}

TEST_CASE("spread slots: shares within one per cent, whoever is alive") {
    const Weights weights{1, 1, 1, 3, 2};
    for (unsigned mask = 1; mask < 32; ++mask) {
        CAPTURE(mask);
        std::vector<bool> alive;
        for (unsigned i = 0; i < 5; ++i) alive.push_back((mask >> i & 1U) != 0);
        const auto slots = spread_slots(weights, alive, fixed_slots);
        REQUIRE(slots.size() == fixed_slots);
        CHECK(error_of(counts_of(slots, 5), weights, alive) <= 0.01);
    }
    CHECK(spread_slots(weights, std::vector<bool>(5, false), fixed_slots).empty());
}

TEST_CASE("spread slots: who stays keeps his, and who returns has his again") {
    const Weights weights{1, 2, 3, 4};
    const std::vector<bool> all(4, true);
    const auto before = spread_slots(weights, all, fixed_slots);
    for (std::size_t dead = 0; dead < 4; ++dead) {
        CAPTURE(dead);
        auto alive = all;
        alive[dead] = false;
        const auto after = spread_slots(weights, alive, fixed_slots);
        for (std::size_t i = 0; i < before.size(); ++i) {
            if (before[i] != dead) CHECK(after[i] == before[i]);
            CHECK(after[i] != dead);
        }
    }
    CHECK(spread_slots(weights, all, fixed_slots) == before);
}

TEST_CASE("spread slots: equal ones take turns") {
    const auto slots = spread_slots(Weights{1, 1, 1}, std::vector<bool>(3, true), fixed_slots);
    for (std::size_t i = 0; i < slots.size(); ++i) CHECK(slots[i] == i % 3);
}
