#include "netfilter/plan/slots.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace meshgate::netfilter {
namespace {

constexpr double share_error_max = 0.01;

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

/// The quotas of those that are alive; 0 for the others.
std::vector<std::size_t> alive_quotas(std::span<const std::uint32_t> weights,
                                      const std::vector<bool>& alive, std::size_t count) {
    std::vector<std::uint32_t> of_alive;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (alive[i]) of_alive.push_back(weights[i]);
    }
    std::vector<std::size_t> quotas(weights.size());
    if (of_alive.empty()) return quotas;
    const auto apportioned = apportion(of_alive, count);
    for (std::size_t i = 0, j = 0; i < weights.size(); ++i) {
        if (alive[i]) quotas[i] = apportioned[j++];
    }
    return quotas;
}

}  // namespace

std::optional<std::vector<std::size_t>> fewest_slots(std::span<const std::uint32_t> weights,
                                                     std::size_t most) {
    if (weights.empty()) return std::vector<std::size_t>{};
    if (weights.size() > most) return std::nullopt;
    std::uint32_t divisor = 0;
    for (const auto weight : weights) divisor = std::gcd(divisor, weight);
    std::uint64_t total = 0;
    for (const auto weight : weights) total += weight / divisor;
    auto slots = apportion(weights, std::min<std::uint64_t>(total, most));
    if (share_error(weights, slots) > share_error_max) return std::nullopt;
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
