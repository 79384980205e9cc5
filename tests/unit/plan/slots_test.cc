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

struct Outcome {
    std::vector<double> shares;  ///< by endpoint
    double nobody = 1;           ///< the share that no draw finds somebody for
    double mean_draws = 0;
};

/// What the kernel does with draws_from(draw), calculated.
Outcome outcome_of(const std::vector<std::size_t>& slots, std::size_t draw) {
    Outcome outcome;
    outcome.shares.resize(draw);
    for (const auto below : draws_from(draw)) {
        outcome.mean_draws += outcome.nobody;
        const double each = outcome.nobody / static_cast<double>(below);
        for (std::size_t i = 0; i < std::min(below, slots.size()); ++i) {
            outcome.shares.at(slots[i]) += each;
            outcome.nobody -= each;
        }
    }
    return outcome;
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

TEST_CASE("draws are of each number up to 16, and then of four to a doubling") {
    std::vector<std::size_t> draws;
    for (std::size_t draw = 1; draw <= slots_max; draw = draw_for(draw + 1)) draws.push_back(draw);
    CHECK(draws == std::vector<std::size_t>{1,  2,  3,  4,  5,  6,  7,  8,   9,   10,  11,
                                            12, 13, 14, 15, 16, 20, 24, 28,  32,  40,  48,
                                            56, 64, 80, 96, 112, 128, 160, 192, 224, 256});
    CHECK(draw_for(0) == 1);
    CHECK(draw_for(slots_max) == slots_max);
    CHECK(draws_from(1) == std::vector<std::size_t>{1, 1});
    CHECK(draws_from(2) == std::vector<std::size_t>{2, 2});
    CHECK(draws_from(7) == std::vector<std::size_t>{7, 6, 5, 4, 4});
    CHECK(draws_from(20) == std::vector<std::size_t>{20, 20, 20, 16, 15, 14, 13, 12, 11, 11});
    CHECK(draws_from(256) == std::vector<std::size_t>{256, 256, 256, 224, 192, 160, 128, 128});
}

TEST_CASE("draws that are repeated leave the shares as they are, however many are alive") {
    for (std::size_t draw = 1; draw <= slots_max; draw = draw_for(draw + 1)) {
        for (std::size_t living = 1; living <= draw; ++living) {
            CAPTURE(draw);
            CAPTURE(living);
            std::vector<bool> alive(draw);
            std::fill_n(alive.rbegin(), living, true);
            const auto drawn = outcome_of(drawn_slots(Weights(draw, 1), alive, draw), draw);
            CHECK(drawn.nobody == doctest::Approx(0));
            CHECK(drawn.mean_draws < 2);
            double error = 0;  // of a share, as a part of it
            for (std::size_t i = 0; i < draw; ++i) {
                const double times = drawn.shares[i] * static_cast<double>(living);
                error = std::max(error, std::abs(times - (alive[i] ? 1 : 0)));
            }
            CHECK(error <= (draw <= 16 ? 1e-12 : 0.01));
        }
    }
}

TEST_CASE("drawn slots: the shares of those that are alive, as often as there is room") {
    struct Row {
        Weights weights;
        std::vector<bool> alive;
        std::size_t draw;
        std::vector<std::size_t> slots;
    };
    for (const Row& row : std::vector<Row>{
             {{}, {}, 1, {}},
             {{1, 1}, {false, false}, 2, {}},
             {{1, 1, 1, 1}, {true, true, true, true}, 4, {0, 1, 2, 3}},
             {{1, 1, 1, 1}, {true, true, false, true}, 4, {0, 1, 3}},
             {{1, 1, 1, 1}, {false, true, false, true}, 4, {1, 1, 3, 3}},
             {{2, 1, 1}, {true, true, false}, 4, {0, 0, 1}},
             {{8, 4, 3}, {true, true, false}, 15, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1}},
             {{7}, {true}, 3, {0, 0, 0}}}) {
        CAPTURE(row.slots.size());
        CHECK(drawn_slots(row.weights, row.alive, row.draw) == row.slots);
    }
}

TEST_CASE("drawn slots: weights within one per cent, whoever is alive") {
    const Weights weights{997, 499, 251, 3};
    for (unsigned mask = 1; mask < 16; ++mask) {
        CAPTURE(mask);
        std::vector<bool> alive;
        for (unsigned i = 0; i < 4; ++i) alive.push_back((mask >> i & 1U) != 0);
        const auto slots = drawn_slots(weights, alive, slots_max);
        CHECK(slots.size() <= slots_max);
        CHECK(slots.size() > slots_max / 2);
        CHECK(error_of(counts_of(slots, 4), weights, alive) <= 0.01);
    }
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
