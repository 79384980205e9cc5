#include "src/meshgate-dns/coredns/routes.h"

#include "dns/wire/text_name.h"

#include <algorithm>
#include <map>
#include <utility>

namespace meshgate::coredns {
namespace {

using conf::corefile::AlternateTo;
using conf::corefile::ForwardTo;
using conf::corefile::Policy;
using conf::corefile::ServerBlock;

dns::forward::Order order_of(Policy policy) {
    switch (policy) {
    case Policy::round_robin:
        return dns::forward::Order::turns;
    case Policy::sequential:
        return dns::forward::Order::listed;
    case Policy::random:
        break;
    }
    return dns::forward::Order::random;
}

dnsd::UpstreamGroup::Alternative to_alternative(const AlternateTo& from) {
    dns::forward::ReplySet on;
    for (const std::uint8_t rcode : from.on.rcodes) on.add_rcode(rcode);
    if (from.on.nodata) on.add_nodata();
    return {on, from.upstreams};
}

bool is_for(const ForwardTo& forward, const std::string& name) {
    return is_within(name, forward.from) &&
           std::none_of(forward.except.begin(), forward.except.end(),
                        [&](const std::string& zone) { return is_within(name, zone); });
}

dnsd::UpstreamGroup group_for(const ServerBlock& block, const std::string& suffix) {
    dnsd::UpstreamGroup group;
    group.suffix = dns::wire::to_wire(suffix);
    const auto forward = std::find_if(block.forwards.begin(), block.forwards.end(),
                                      [&](const ForwardTo& one) { return is_for(one, suffix); });
    if (forward == block.forwards.end()) return group;
    group.upstreams = forward->upstreams;
    group.order = order_of(forward->policy);
    for (const AlternateTo& alternate : block.alternates) {
        group.alternatives.push_back(to_alternative(alternate));
    }
    return group;
}

/// The names at which another `forward` of the block begins or ends to be the one that is asked.
std::vector<std::string> turning_points(const ZoneOf& zone) {
    std::vector<std::string> points{zone.zone};
    for (const ForwardTo& forward : zone.block->forwards) {
        points.push_back(forward.from);
        points.insert(points.end(), forward.except.begin(), forward.except.end());
    }
    std::erase_if(points, [&](const std::string& name) { return !is_within(name, zone.zone); });
    return points;
}

/// The first, so the longest, that a name lies in.
const ZoneOf* zone_of(std::span<const ZoneOf> zones, const std::string& name) {
    const auto found = std::find_if(zones.begin(), zones.end(),
                                    [&](const ZoneOf& zone) { return is_within(name, zone.zone); });
    return found == zones.end() ? nullptr : &*found;
}

}  // namespace

bool is_within(std::string_view name, std::string_view zone) {
    if (zone.empty() || name == zone) return true;
    return name.size() > zone.size() && name.ends_with(zone) &&
           name[name.size() - zone.size() - 1] == '.';
}

std::vector<dnsd::UpstreamGroup> make_groups(std::span<const ZoneOf> zones) {
    std::map<std::string, dnsd::UpstreamGroup> by_suffix;
    for (const ZoneOf& zone : zones) {
        for (const std::string& point : turning_points(zone)) {
            if (zone_of(zones, point) != &zone) continue;  // another block's
            by_suffix.try_emplace(point, group_for(*zone.block, point));
        }
    }
    std::vector<dnsd::UpstreamGroup> groups;
    for (auto& [suffix, group] : by_suffix) groups.push_back(std::move(group));
    std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
        return a.suffix.size() < b.suffix.size();
    });
    return groups;
}

}  // namespace meshgate::coredns
