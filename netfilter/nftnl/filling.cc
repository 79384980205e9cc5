#include "netfilter/nftnl/filling.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/maps.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace meshgate::netfilter {
namespace {

constexpr std::size_t elements_in_a_transaction = 10'000;

template <class Element>
std::vector<Element> first_of(const std::vector<Element>& elements, std::size_t most) {
    const auto view = std::span{elements}.first(std::min(most, elements.size()));
    return {view.begin(), view.end()};
}

template <class Map>
void fill(Netlink& netlink, const std::string& name, const Map& map) {
    const Subject subject{.kind = "map", .name = map.name};
    std::size_t in_batch = 0;
    std::optional<Batch> batch;
    const auto send = [&] {
        if (!batch) return;
        if (auto refusal = batch->run(netlink)) throw KernelError{*std::move(refusal)};
        batch.reset();
        in_batch = 0;
    };
    for (std::span rest{map.elements}; !rest.empty();) {
        const auto chunk = rest.first(std::min(rest.size(), elements_at_once));
        if (!batch) batch.emplace();
        batch->add_elements(*build_elements(name, map.name, chunk), subject);
        rest = rest.subspan(chunk.size());
        in_batch += chunk.size();
        if (in_batch >= elements_in_a_transaction) send();
    }
    send();
}

}  // namespace

bool has_many_elements(const Ruleset& ruleset) {
    std::size_t count = 0;
    for (const auto& map : ruleset.class_maps) count += map.elements.size();
    for (const auto& map : ruleset.endpoint_maps) count += map.elements.size();
    return count > elements_in_a_transaction;
}

Ruleset with_few_elements(const Ruleset& ruleset, std::size_t most) {
    Ruleset few{.table = ruleset.table,
                .sets = ruleset.sets,
                .chains = ruleset.chains,
                .counters = ruleset.counters};
    for (const auto& map : ruleset.class_maps) {
        few.class_maps.push_back(
            {map.name, map.comment, map.family, first_of(map.elements, most)});
    }
    for (const auto& map : ruleset.endpoint_maps) {
        few.endpoint_maps.push_back(
            {map.name, map.comment, map.family, map.protocol, first_of(map.elements, most)});
    }
    return few;
}

void fill_maps(Netlink& netlink, const std::string& name, const Ruleset& ruleset) {
    for (const auto& map : ruleset.class_maps) fill(netlink, name, map);
    for (const auto& map : ruleset.endpoint_maps) fill(netlink, name, map);
}

}  // namespace meshgate::netfilter
