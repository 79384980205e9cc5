#include "netfilter/plan/slots.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

namespace meshgate::netfilter {
namespace {

constexpr double share_error_max = 0.01;

/// Up to so many, each number is drawn below; beyond, so many to a doubling.
constexpr std::size_t drawn_singly_max = 16;
constexpr std::size_t steps_of_doubling = 4;

/// A draw below less than the slots that somebody has leaves the last ones out. Where steps are of
/// more than one, it comes after so many draws of the whole, for less than one connection in 100.
constexpr std::size_t draws_of_most = 3;

/// From a number that draw_for() gives to the next one below or above.
std::size_t step_at(std::size_t least) {
    return least < drawn_singly_max ? 1 : std::bit_floor(least) / steps_of_doubling;
}

/// `count` slots in the proportion of the weights, by the largest remainder; one each at least.
std::vector<std::size_t> apportion(std::span<const std::uint32_t> weights, std::size_t count) {
    const auto total = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    std::vector<std::size_t> quotas(weights.size());
    std::vector<std::size_t> by_remainder(weights.size());
    std::iota(by_remainder.begin(), by_remainder.end(), std::size_t{0});
    std::size_t given = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        quotas[i] = std::max<std::size_t>(weights[i] * std::uint64_t{count} / total, 1);
        given += quotas[i];
    }
    const auto remainder = [&](std::size_t i) { return weights[i] * std::uint64_t{count} % total; };
    std::ranges::stable_sort(by_remainder, std::greater{}, remainder);
    for (std::size_t i = 0; given < count; i = (i + 1) % weights.size(), ++given) {
        ++quotas[by_remainder[i]];
    }
    while (given > count) {  // those that have one only for having to have one
        --*std::ranges::max_element(quotas);
        --given;
    }
    return quotas;
}

double share_error(std::span<const std::uint32_t> weights, const std::vector<std::size_t>& slots) {
    const auto total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const auto count = std::accumulate(slots.begin(), slots.end(), 0.0);
    double error = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto difference = weights[i] / total - static_cast<double>(slots[i]) / count;
        error = std::max(error, std::abs(difference));
    }
    return error;
}

/// Smooth weighted turns: who is furthest behind what is due to him is next. (nginx,
/// ngx_http_upstream_round_robin.c, has the same idea.)
std::size_t next_turn(std::vector<std::int64_t>& credits, const std::vector<std::size_t>& quotas) {
    std::int64_t total = 0;
    for (std::size_t i = 0; i < quotas.size(); ++i) {
        credits[i] += static_cast<std::int64_t>(quotas[i]);
        total += static_cast<std::int64_t>(quotas[i]);
    }
    const auto next = std::ranges::max_element(credits) - credits.begin();
    credits[static_cast<std::size_t>(next)] -= total;
    return static_cast<std::size_t>(next);
}

std::vector<std::size_t> turns(const std::vector<std::size_t>& quotas, std::size_t count) {
    std::vector<std::int64_t> credits(quotas.size());
    std::vector<std::size_t> slots(count);
    for (auto& slot : slots) slot = next_turn(credits, quotas);
    return slots;
}

std::vector<std::uint32_t> weights_of_alive(std::span<const std::uint32_t> weights,
                                            const std::vector<bool>& alive) {
    std::vector<std::uint32_t> of_alive;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (alive[i]) of_alive.push_back(weights[i]);
    }
    return of_alive;
}

/// The quotas of those that are alive; 0 for the others.
std::vector<std::size_t> alive_quotas(std::span<const std::uint32_t> weights,
                                      const std::vector<bool>& alive, std::size_t count) {
    const auto of_alive = weights_of_alive(weights, alive);
    std::vector<std::size_t> quotas(weights.size());
    if (of_alive.empty()) return quotas;
    const auto apportioned = apportion(of_alive, count);
    for (std::size_t i = 0, j = 0; i < weights.size(); ++i) {
        if (alive[i]) quotas[i] = apportioned[j++];
    }
    return quotas;
}

}  // namespace

std::size_t draw_for(std::size_t slots) {
    std::size_t draw = 1;
    while (draw < slots) draw += step_at(draw);
    return draw;
}

std::vector<std::size_t> draws_from(std::size_t draw) {
    std::vector<std::size_t> draws(draw > drawn_singly_max ? draws_of_most : 1, draw);
    const auto least_used = draw / 2 + 1;  // of drawn_slots()
    while (draws.back() > least_used) draws.push_back(draws.back() - step_at(draws.back() - 1));
    draws.push_back(draws.back());
    return draws;
}

std::vector<std::size_t> nearest_slots(std::span<const std::uint32_t> weights, std::size_t most) {
    if (weights.empty()) return {};
    std::uint32_t divisor = 0;
    for (const auto weight : weights) divisor = std::gcd(divisor, weight);
    std::uint64_t total = 0;
    for (const auto weight : weights) total += weight / divisor;
    if (total > most) return apportion(weights, most);
    std::vector<std::size_t> exact;
    exact.reserve(weights.size());
    for (const auto weight : weights) exact.push_back(weight / divisor);
    return exact;
}

std::size_t draw_for_weights(std::span<const std::uint32_t> weights) {
    const auto counts = nearest_slots(weights);
    return draw_for(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
}

std::optional<std::vector<std::size_t>> fewest_slots(std::span<const std::uint32_t> weights,
                                                     std::size_t most) {
    if (weights.empty()) return std::vector<std::size_t>{};
    if (weights.size() > most) return std::nullopt;
    auto slots = nearest_slots(weights, most);
    if (share_error(weights, slots) > share_error_max) return std::nullopt;
    return slots;
}

std::vector<std::size_t> drawn_slots(std::span<const std::uint32_t> weights,
                                     const std::vector<bool>& alive, std::size_t draw) {
    const auto counts = nearest_slots(weights_of_alive(weights, alive), draw);
    if (counts.empty()) return {};
    const auto times = draw / std::accumulate(counts.begin(), counts.end(), std::size_t{0});
    std::vector<std::size_t> slots;
    slots.reserve(draw);
    for (std::size_t i = 0, j = 0; i < weights.size(); ++i) {
        if (alive[i]) slots.insert(slots.end(), counts[j++] * times, i);
    }
    return slots;
}

std::vector<std::size_t> spread_slots(std::span<const std::uint32_t> weights,
                                      const std::vector<bool>& alive, std::size_t count) {
    auto due = alive_quotas(weights, alive, count);
    if (std::ranges::all_of(due, [](auto quota) { return quota == 0; })) return {};
    auto slots = turns(apportion(weights, count), count);
    // Who is alive keeps his slots; what the dead leave goes to those that have too few now.
    for (auto& slot : slots) {
        if (!alive[slot] || due[slot] == 0) {
            slot = weights.size();
        } else {
            --due[slot];
        }
    }
    std::vector<std::int64_t> credits(due.size());
    for (auto& slot : slots) {
        if (slot == weights.size()) slot = next_turn(credits, due);
    }
    return slots;
}

}  // namespace meshgate::netfilter
