#include "netfilter/nftnl/surroundings.h"

#include "src/common/errors.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace meshgate::netfilter {

namespace {

constexpr std::uint8_t host_prefix6 = 128;

/// ::6: where Envoy binds for IPv6 inbound passthrough, as 127.0.0.6 for IPv4.
IpAddress passthrough_address6() {
    constexpr std::array<std::uint8_t, 16> bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6};
    return IpAddress::ipv6(bytes);
}

const std::string address_text = "address ::6/128 dev lo";

std::string route_text(const Cidr& range) {
    return "route " + range.to_string() + " dev lo";
}

bool wants(const Surroundings& wanted, const Route& route) {
    return std::ranges::find(wanted.local_routes, route.destination) != wanted.local_routes.end();
}

bool has(const std::vector<Route>& routes, const Cidr& range) {
    return std::ranges::find(routes, range, &Route::destination) != routes.end();
}

/// EACCES: net.ipv6.conf.lo.disable_ipv6. The others: no IPv6 in the kernel or on the device.
bool means_no_ipv6(int error) {
    return error == EACCES || error == EOPNOTSUPP || error == EAFNOSUPPORT || error == ENODEV;
}

}  // namespace

SurroundingsApplier::Found SurroundingsApplier::find() {
    Found found;
    // Since 5.18 the kernel itself marks ::1 (IFAPROT_KERNEL_LO): no mark at all, an older kernel.
    bool kernel_keeps_protocols = false;
    for (const auto& address : netlink_.ipv6_addresses()) {
        kernel_keeps_protocols |= address.protocol.has_value();
        if (address.interface != loopback_index || address.prefix != host_prefix6 ||
            address.address != passthrough_address6()) {
            continue;
        }
        found.address_present = true;
        found.address_ours = address.protocol == route_protocol;
    }
    if (found.address_present && !kernel_keeps_protocols) found.address_ours = true;
    found.routes = netlink_.routes(route_protocol);
    std::erase_if(found.routes,
                  [](const Route& route) { return route.interface != loopback_index; });
    return found;
}

std::vector<std::string> SurroundingsApplier::apply(const Surroundings& wanted) {
    std::vector<std::string> lines;
    const auto found = find();
    if (found.address_ours && !wanted.inbound_passthrough_address6) {
        remove_address();
        lines.push_back("removed " + address_text);
    }
    for (const auto& route : found.routes) {
        if (wants(wanted, route)) continue;
        remove_route(route);
        lines.push_back("removed " + route_text(route.destination));
    }
    if (wanted.inbound_passthrough_address6 && !found.address_present) add_address(lines);
    for (const auto& range : wanted.local_routes) {
        const bool with_source = wants_source(wanted, range);
        const auto present = std::ranges::find(found.routes, range, &Route::destination);
        if (present != found.routes.end()) {
            if (present->has_source == with_source) continue;
            remove_route(*present);
        }
        add_route(range, with_source, lines);
    }
    return lines;
}

bool SurroundingsApplier::wants_source(const Surroundings& wanted, const Cidr& range) {
    if (!wanted.translated || range.base.family() == Family::ipv6) return true;
    return !netlink_.has_ipv4_address();
}

bool SurroundingsApplier::adopt_address() {
    const auto found = find();
    if (!found.address_present || found.address_ours) return found.address_present;
    const int error = netlink_.replace_loopback_address(passthrough_address6(), route_protocol);
    if (error != 0) throw_errno("replace " + address_text, error);
    return true;
}

Surroundings SurroundingsApplier::ours() {
    const auto found = find();
    Surroundings present{.inbound_passthrough_address6 = found.address_ours, .local_routes = {}};
    for (const auto& route : found.routes) {
        present.local_routes.push_back(route.destination);
        present.translated |= !route.has_source;
    }
    return present;
}

bool SurroundingsApplier::remove() {
    const auto found = find();
    if (found.address_ours) remove_address();
    for (const auto& route : found.routes) remove_route(route);
    return found.address_ours || !found.routes.empty();
}

std::vector<std::string> SurroundingsApplier::differences(const Surroundings& wanted) {
    std::vector<std::string> lines;
    const auto found = find();
    const auto loopback = netlink_.loopback();
    if (wanted.inbound_passthrough_address6 && !found.address_present && loopback.ipv6) {
        lines.push_back("+ " + address_text);
    }
    if (!wanted.inbound_passthrough_address6 && found.address_ours) {
        lines.push_back("- " + address_text);
    }
    for (const auto& range : wanted.local_routes) {
        const bool possible = loopback.up && (range.base.family() == Family::ipv4 || loopback.ipv6);
        if (possible && !has(found.routes, range) && covering_route(range).empty()) {
            lines.push_back("+ " + route_text(range));
        }
        const auto present = std::ranges::find(found.routes, range, &Route::destination);
        if (present != found.routes.end() && present->has_source != wants_source(wanted, range)) {
            lines.push_back("+ " + route_text(range) + " with another source");
        }
    }
    for (const auto& route : found.routes) {
        if (!wants(wanted, route)) lines.push_back("- " + route_text(route.destination));
    }
    return lines;
}

void SurroundingsApplier::remove_address() {
    const int error = netlink_.remove_loopback_address(passthrough_address6());
    if (error != 0 && error != EADDRNOTAVAIL) throw_errno("remove " + address_text, error);
}

void SurroundingsApplier::remove_route(const Route& route) {
    const int error = netlink_.remove_route(route);
    if (error != 0 && error != ESRCH) throw_errno("remove " + route_text(route.destination), error);
}

std::string SurroundingsApplier::covering_route(const Cidr& range) {
    // A longer route may hide the covering one at one end of the range.
    for (const auto& probe : {range.base, range.last()}) {
        const auto route = netlink_.lookup(probe);
        if (!route || (route->protocol == route_protocol && route->interface == loopback_index)) {
            continue;  // ours is no reason for ours
        }
        if (route->destination.contains(range)) return route->destination.to_string();
    }
    return {};
}

void SurroundingsApplier::add_address(std::vector<std::string>& lines) {
    const int error = netlink_.add_loopback_address(passthrough_address6(), route_protocol);
    if (error == 0) {
        lines.push_back("added " + address_text);
    } else if (means_no_ipv6(error)) {
        lines.push_back("IPv6 is off: no " + address_text);
    } else if (error != EEXIST) {
        throw_errno("add " + address_text, error);
    }
}

void SurroundingsApplier::add_route(const Cidr& range, bool with_source,
                                    std::vector<std::string>& lines) {
    if (const auto covering = covering_route(range); !covering.empty()) {
        lines.push_back("no " + route_text(range) + ": the route " + covering + " covers it");
        return;
    }
    const int error = netlink_.add_loopback_route(range, route_protocol, with_source);
    if (error == 0) {
        lines.push_back("added " + route_text(range));
    } else if (error == ENETDOWN) {
        lines.push_back("lo is down: no " + route_text(range));
    } else if (error == EEXIST) {
        lines.push_back("no " + route_text(range) + ": another route of that range refuses it");
    } else if (range.base.family() == Family::ipv6 && means_no_ipv6(error)) {
        lines.push_back("IPv6 is off: no " + route_text(range));
    } else {
        throw_errno("add " + route_text(range), error);
    }
}

}  // namespace meshgate::netfilter
