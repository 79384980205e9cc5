#include "src/meshgate-redirect/vip_view.h"

#include "netfilter/conntrack/conntrack.h"
#include "netfilter/ruleset/words.h"
#include "src/common/json_string.h"
#include "src/meshgate-redirect/printable.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

using Key = std::tuple<Protocol, conf::IpAddress, Port>;

std::string_view word(conf::Balance balance) {
    switch (balance) {
    case conf::Balance::round_robin:
        return "round-robin";
    case conf::Balance::client_hash:
        return "client-hash";
    case conf::Balance::random:
        break;
    }
    return "random";
}

/// By the chain that it leads to, where nobody says it.
conf::Balance balance_of(const std::string& chain) {
    if (chain == client_chain) return conf::Balance::client_hash;
    return chain.starts_with("vip_turn_") ? conf::Balance::round_robin : conf::Balance::random;
}

EndpointView& endpoint_in(VipView& vip, const conf::IpAddress& address, Port port) {
    const conf::SocketAddress at{address, port, {}};
    const auto known = std::ranges::find(vip.endpoints, at, &EndpointView::endpoint);
    if (known != vip.endpoints.end()) return *known;
    return vip.endpoints.emplace_back(EndpointView{.endpoint = at});
}

void add_installed(const Ruleset& installed, std::map<Key, VipView>& views) {
    for (const auto& map : installed.endpoint_maps) {
        const auto classes =
            std::ranges::find(installed.class_maps, class_map_name(map.family, map.protocol),
                              &ClassMap::name);
        if (classes == installed.class_maps.end()) continue;
        for (const auto& one : classes->elements) {
            auto& view = views[{map.protocol, one.address, one.port}];
            view.address = {one.address, one.port, {}};
            view.protocol = map.protocol;
            view.balance = balance_of(one.chain);
        }
        for (const auto& slot : map.elements) {
            const auto found = views.find({map.protocol, slot.address, slot.port});
            if (found == views.end()) continue;
            ++found->second.slots;
            ++endpoint_in(found->second, slot.endpoint, slot.endpoint_port).slots;
        }
    }
}

void add_planned(const std::vector<VipService>& services, std::map<Key, VipView>& views) {
    for (const auto& route : routes_of(services, {Family::ipv4, Family::ipv6})) {
        const auto found = views.find({route.protocol, route.address, route.port});
        if (found == views.end()) continue;
        auto& view = found->second;
        view.service = services[route.service].name;
        view.balance = route.balance;
        for (const auto& endpoint : route.endpoints) {
            endpoint_in(view, endpoint.address, endpoint.port);
        }
    }
}

/// Also of endpoints that are none any more, whose connections go on.
void take_counts(VipView& vip, const std::map<conf::SocketAddress, EndpointView>& counted) {
    for (const auto& [at, count] : counted) {
        auto& endpoint = endpoint_in(vip, at.address, at.port);
        endpoint.connections = count.connections;
        endpoint.bytes = count.bytes;
    }
    for (auto& endpoint : vip.endpoints) {
        if (!endpoint.connections) endpoint.connections = 0;
    }
}

std::string share_of(const VipView& vip, const EndpointView& endpoint) {
    if (endpoint.slots == 0) return "out";
    return std::to_string((endpoint.slots * 100 + vip.slots / 2) / vip.slots) + " %";
}

using Row = std::array<std::string, 8>;

std::vector<Row> rows_of(const VipView& vip) {
    std::vector<Row> rows;
    for (const auto& one : vip.endpoints) {
        rows.push_back({"", "", "", "", one.endpoint.to_string(), share_of(vip, one),
                        one.connections ? std::to_string(*one.connections) : "-",
                        one.bytes ? std::to_string(*one.bytes) : "-"});
    }
    if (rows.empty()) rows.push_back({"", "", "", "", "none: refused", "", "", ""});
    rows.front()[0] = vip.service.empty() ? "?" : printable(vip.service);
    rows.front()[1] = vip.address.to_string();
    rows.front()[2] = netfilter::word(vip.protocol);
    rows.front()[3] = word(vip.balance);
    return rows;
}

std::string aligned(const std::vector<Row>& rows) {
    std::array<std::size_t, std::tuple_size_v<Row>> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string json_of(const VipView& vip, const EndpointView& one) {
    return "{\"endpoint\":" + json_string(one.endpoint.to_string()) +
           ",\"slots\":" + std::to_string(one.slots) + ",\"of\":" + std::to_string(vip.slots) +
           ",\"connections\":" + (one.connections ? std::to_string(*one.connections) : "null") +
           ",\"bytes\":" + (one.bytes ? std::to_string(*one.bytes) : "null") + "}";
}

std::string json_of(const VipView& vip) {
    std::string text = "{\"service\":" + json_string(vip.service) +
                       ",\"address\":" + json_string(vip.address.to_string()) +
                       ",\"protocol\":" + json_string(netfilter::word(vip.protocol)) +
                       ",\"balance\":" + json_string(word(vip.balance)) + ",\"endpoints\":[";
    for (const auto& one : vip.endpoints) {
        if (text.back() != '[') text += ",";
        text += json_of(vip, one);
    }
    return text + "]}";
}

}  // namespace

std::vector<VipView> view_vips(const Ruleset& installed, const std::vector<VipService>& services) {
    std::map<Key, VipView> views;
    add_installed(installed, views);
    add_planned(services, views);
    std::vector<VipView> vips;
    vips.reserve(views.size());
    for (auto& [key, view] : views) vips.push_back(std::move(view));
    std::ranges::stable_sort(vips, {}, &VipView::address);
    return vips;
}

void add_connections(std::vector<VipView>& vips) try {
    if (vips.empty()) return;
    std::map<Key, VipView*> by_key;
    for (auto& vip : vips) by_key[{vip.protocol, vip.address.address, vip.address.port}] = &vip;
    std::map<const VipView*, std::map<conf::SocketAddress, EndpointView>> counted;
    Conntrack conntrack;
    static_cast<void>(conntrack.read([&](const Connection& one) {
        if (one.phase != Phase::open || !is_redirected(one)) return false;
        const auto vip = by_key.find({one.protocol, one.original.destination, one.original.dport});
        if (vip == by_key.end()) return false;
        auto& endpoint = counted[vip->second][{one.reply.source, one.reply.sport, {}}];
        endpoint.connections = endpoint.connections.value_or(0) + 1;
        if (one.bytes) endpoint.bytes = endpoint.bytes.value_or(0) + *one.bytes;
        return false;  // counted: the list of them is of no use
    }));
    for (auto& vip : vips) take_counts(vip, counted[&vip]);
} catch (const std::system_error&) {
    return;  // no ctnetlink: the rest is right
}

std::string vips_table(const std::vector<VipView>& vips) {
    if (vips.empty()) return "";
    std::vector<Row> rows{
        {"SERVICE", "ADDRESS", "PROTOCOL", "BALANCE", "ENDPOINT", "SHARE", "OPEN", "BYTES"}};
    for (const auto& vip : std::span{vips}.first(std::min(vips.size(), vips_in_table))) {
        for (auto& row : rows_of(vip)) rows.push_back(std::move(row));
    }
    std::string text = aligned(rows);
    if (vips.size() > vips_in_table) {
        text += "and " + std::to_string(vips.size() - vips_in_table) + " more: status --json\n";
    }
    return text;
}

std::string vips_json(const std::vector<VipView>& vips) {
    std::string text = "[";
    for (const auto& vip : std::span{vips}.first(std::min(vips.size(), vips_in_json))) {
        if (text.size() > 1) text += ",";
        text += json_of(vip);
    }
    return text + "]";
}

}  // namespace meshgate::redirect
