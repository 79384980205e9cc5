#include "netfilter/nftnl/read_maps.h"

#include "netfilter/nftnl/elements.h"
#include "netfilter/nftnl/maps.h"
#include "netfilter/nftnl/request.h"

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace meshgate::netfilter {

namespace {

bool has_same_key(const VipSlot& one, const VipSlot& other) {
    return !key_order(one, other) && !key_order(other, one);
}

/// Sorted, and each once: the kernel may list one twice while it enlarges its table.
template <class Element>
void put_in_order(std::vector<Element>& elements) {
    std::ranges::sort(elements, key_order);
    const auto rest = std::ranges::unique(elements);
    elements.erase(rest.begin(), rest.end());
}

template <class Map, class Read>
MapReading dump_once(Netlink& netlink, std::string_view table, Map& map, Read to_element,
                     const Meanwhile& meanwhile) {
    constexpr std::size_t in_a_message = 500;  // or so
    MapReading reading;
    map.elements.clear();
    reading.dumped = dump_elements(netlink, table, map.name, [&](nftnl_set_elem& element) {
        if (auto known = to_element(element, map.family)) {
            map.elements.push_back(std::move(*known));
            if (map.elements.size() % in_a_message == 0) meanwhile();
        } else {
            reading.all_known = false;
        }
    });
    put_in_order(map.elements);
    return reading;
}

/// While the kernel enlarges a hash table, a dump may miss some. It is over in a moment.
template <class Map, class Read>
MapReading dump(Netlink& netlink, std::string_view table, Map& map, Read to_element,
                std::optional<std::size_t> count, const Meanwhile& meanwhile) {
    constexpr int most_dumps = 3;
    MapReading reading;
    for (int number = 0; number < most_dumps; ++number) {
        reading = dump_once(netlink, table, map, to_element, meanwhile);
        const bool is_complete = !count || map.elements.size() == *count || !reading.all_known;
        if (is_complete || reading.dumped == Netlink::Dumped::interrupted) break;
    }
    return reading;
}

/// Asks for elements by their keys, many with one question, and stops at the first that the kernel
/// does not have.
class Lookup {
public:
    Lookup(Netlink& netlink, std::string_view table, const EndpointMap& map,
           const Meanwhile& meanwhile)
        : netlink_(netlink), table_(table), map_(map), meanwhile_(meanwhile) {}

    /// @return false when these are not all of the map's `count` elements
    bool run(std::span<const VipSlot> keys, std::size_t count) {
        found_.reserve(count);
        while (!keys.empty()) {
            if (found_.size() + keys.size() < count) return false;
            const auto before = found_.size();
            const auto asked = keys.first(std::min(keys.size(), keys_at_once));
            if (!ask(asked)) return false;
            meanwhile_();
            const auto answered = found_.size() - before;
            keys = keys.subspan(std::min(answered + 1, asked.size()));
        }
        return found_.size() == count;
    }

    std::vector<VipSlot> take() { return std::move(found_); }

private:
    /// What fits into a Request, and the answers into a receive buffer of any size.
    static constexpr std::size_t keys_at_once = 64;

    bool ask(std::span<const VipSlot> keys) {
        Request request{NFT_MSG_GETSETELEM};
        const auto list = build_keys(table_, map_.name, keys);
        nftnl_set_elems_nlmsg_build_payload(request.get(), list.get());
        bool is_known = true;
        auto expected = keys.begin();
        const auto verdict = netlink_.ask(*request, [&](const nlmsghdr& message) {
            for_each_listed(message, [&](nftnl_set_elem& element) {
                auto slot = to_slot(element, map_.family);
                is_known = is_known && slot && expected != keys.end() &&
                           has_same_key(*slot, *expected++);
                if (is_known) found_.push_back(std::move(*slot));
            });
        });
        const bool is_whole = verdict.error == 0 && expected == keys.end();
        return is_known && (is_whole || (verdict.error == ENOENT && expected != keys.end()));
    }

    Netlink& netlink_;
    std::string_view table_;
    const EndpointMap& map_;
    const Meanwhile& meanwhile_;
    std::vector<VipSlot> found_;
};

/// By chain: how many slots of `map` its rules draw from.
std::map<std::string_view, std::uint32_t> drawn_slots(const Ruleset& rules, std::string_view map) {
    std::map<std::string_view, std::uint32_t> slots;
    for (const auto& chain : rules.chains) {
        for (const auto& rule : chain.rules) {
            const auto* dnat = std::get_if<DnatToSlot>(&rule.verdict);
            if (dnat == nullptr || dnat->map != map) continue;
            auto& most = slots[chain.name];
            most = std::max(most, dnat->slots);
        }
    }
    return slots;
}

/// Some rule looks packets of that family and protocol up in it.
bool leads_to(const Ruleset& rules, const ClassMap& classes, const EndpointMap& map) {
    const ToClass wanted{map.family, map.protocol, classes.name};
    return std::ranges::any_of(rules.chains, [&wanted](const Chain& chain) {
        return std::ranges::any_of(chain.rules, [&wanted](const Rule& rule) {
            const auto* to_class = std::get_if<ToClass>(&rule.verdict);
            return to_class != nullptr && *to_class == wanted;
        });
    });
}

}  // namespace

std::vector<VipSlot> expected_keys(const Ruleset& rules, const EndpointMap& map, std::size_t most) {
    const auto slots = drawn_slots(rules, map.name);
    std::vector<VipSlot> keys;
    for (const auto& classes : rules.class_maps) {
        if (classes.family != map.family || !leads_to(rules, classes, map)) continue;
        for (const auto& one : classes.elements) {
            const auto found = slots.find(one.chain);
            if (found == slots.end() || found->second > most - keys.size()) continue;
            for (std::uint32_t at = 0; at < found->second; ++at) {
                keys.push_back({one.address, one.port, at, one.address, 0});
            }
        }
    }
    put_in_order(keys);
    return keys;
}

MapReading read_elements(Netlink& netlink, std::string_view table, ClassMap& map,
                         std::optional<std::size_t> count, const Meanwhile& meanwhile) {
    return dump(netlink, table, map, to_class, count, meanwhile);
}

MapReading read_elements(Netlink& netlink, std::string_view table, EndpointMap& map,
                         std::optional<std::size_t> count, const Ruleset& rules,
                         const Meanwhile& meanwhile) {
    if (count && *count >= lookups_pay_from) {
        Lookup lookup{netlink, table, map, meanwhile};
        if (lookup.run(expected_keys(rules, map, 2 * *count), *count)) {
            map.elements = lookup.take();
            return {.dumped = Netlink::Dumped::whole, .all_known = true};
        }
    }
    return dump(netlink, table, map, to_slot, count, meanwhile);
}

}  // namespace meshgate::netfilter
