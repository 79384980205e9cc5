#include "netfilter/ruleset/counters.h"

#include <algorithm>

namespace meshgate::netfilter {
namespace {

std::ptrdiff_t place_of(std::string_view name) {
    return std::ranges::find(causes, name, &Cause::name) - causes.begin();
}

}  // namespace

void add_counts(const Counters& more, Counters& sums) {
    for (const auto& one : more) {
        const auto known = std::ranges::find(sums, one.name, &CounterValue::name);
        if (known == sums.end()) {
            sums.push_back(one);
        } else {
            known->packets += one.packets;
            known->bytes += one.bytes;
        }
    }
}

Counters in_order_of_causes(const Counters& counters) {
    Counters ordered;
    for (const auto& cause : causes) {
        const auto found = std::ranges::find(counters, cause.name, &CounterValue::name);
        if (found != counters.end()) ordered.push_back(*found);
    }
    return ordered;
}

bool is_cause(std::string_view name) noexcept {
    return std::ranges::find(causes, name, &Cause::name) != causes.end();
}

std::vector<std::string> used_counters(const std::vector<Chain>& chains) {
    std::vector<std::string> names;
    for (const Chain& chain : chains) {
        for (const Rule& rule : chain.rules) {
            if (!rule.counter || rule.counter->empty()) continue;
            if (std::ranges::find(names, *rule.counter) == names.end()) {
                names.push_back(*rule.counter);
            }
        }
    }
    std::ranges::stable_sort(names, {}, place_of);
    return names;
}

}  // namespace meshgate::netfilter
