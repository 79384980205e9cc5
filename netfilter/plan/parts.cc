#include "netfilter/plan/parts.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

namespace meshgate::netfilter {
namespace {

constexpr Protocol any_protocol[] = {Protocol::tcp, Protocol::udp};

bool contains_dns_port(const std::vector<PortRange>& ports) {
    return std::ranges::any_of(ports, [](const PortRange& range) {
        return range.first <= dns_port.first && dns_port.last <= range.last;
    });
}

std::vector<Family> families_of(conf::IpFamilyMode mode) {
    if (mode == conf::IpFamilyMode::ipv4) return {Family::ipv4};
    if (mode == conf::IpFamilyMode::ipv6) return {Family::ipv6};
    return {Family::ipv4, Family::ipv6};
}

bool is_exclusion_of(const conf::Exclusion& exclusion, Protocol protocol) {
    return exclusion.protocols.empty() ||
           std::ranges::find(exclusion.protocols, protocol) != exclusion.protocols.end();
}

void add_exclusions(Parts& parts) {
    const auto& exclusions = parts.config.redirect.outbound.exclude;
    for (std::size_t i = 0; i < exclusions.size(); ++i) {
        const auto name = "exclusion" + std::to_string(i + 1);
        const auto where = "redirect.outbound.exclude, entry " + std::to_string(i + 1);
        const auto users = parts.sets.users(name + "_users", where, parts.host.exclude_users.at(i));
        if (!users) continue;
        const auto ports = parts.sets.ports(name + "_ports", where, exclusions[i].ports);
        std::vector<Protocol> protocols;
        std::ranges::copy_if(any_protocol, std::back_inserter(protocols), [&](Protocol protocol) {
            return is_exclusion_of(exclusions[i], protocol);
        });
        std::vector<Match> matches;
        if (ports || !exclusions[i].protocols.empty()) matches = {l4proto(protocols)};
        if (ports) matches.emplace_back(MatchDport{*ports});
        matches.emplace_back(MatchSkuid{*users});
        parts.exclusions.push_back({leave_alone(std::move(matches), cause::exempt_user, where),
                                    is_exclusion_of(exclusions[i], Protocol::udp) &&
                                        (!ports || contains_dns_port(exclusions[i].ports))});
    }
}

void add_excluded_destinations(Parts& parts) {
    const std::string comment = "redirect.outbound.exclude_destinations: all protocols";
    for (const auto& [family, set] :
         parts.sets.networks("excluded_destinations", comment,
                             parts.config.redirect.outbound.exclude_destinations, parts.families)) {
        parts.excluded_destinations.push_back(
            leave_alone({MatchAddress{MatchAddress::Field::daddr, Sense::equal, family, set}},
                        cause::exempt_address, comment));
    }
}

/// The proxy and the resolver: they would be sent to themselves.
void add_own_users(Parts& parts) {
    auto users = parts.host.resolver_users;
    if (parts.config.proxy.enabled) {
        for (const Uid user : parts.host.proxy_users) users.push_back({user, user});
    }
    const auto set = parts.sets.users("own_users", "proxy.user and dns.user", std::move(users));
    if (!set) return;
    parts.exemptions.push_back({MatchSkuid{*set}, cause::loop_prevented,
                                "the resolver's and the proxy's own questions go out",
                                "the proxy's own connections"});
}

/// Without the resolver's user: that one makes no self-calls.
void add_proxy(Parts& parts) {
    const auto& users = parts.host.proxy_users;
    if (!parts.config.redirect.inbound.enabled) return;
    if (users.size() == 1) {
        parts.proxy = MatchSkuid{users.front()};
        return;
    }
    std::vector<UidRange> ranges;
    for (const Uid user : users) ranges.push_back({user, user});
    if (const auto set = parts.sets.users("proxy_users", "proxy.user", std::move(ranges))) {
        parts.proxy = MatchSkuid{*set};
    }
}

void add_exempt_accounts(Parts& parts) {
    const std::string users = "proxy.exempt_users";
    if (const auto set = parts.sets.users("exempt_users", users, parts.host.exempt_users)) {
        parts.exemptions.push_back({MatchSkuid{*set}, cause::exempt_user, users, users});
    }
    const std::string groups = "proxy.exempt_groups";
    if (const auto set = parts.sets.groups("exempt_groups", groups, parts.host.exempt_groups)) {
        parts.exemptions.push_back({MatchSkgid{*set}, cause::exempt_group, groups, groups});
    }
}

/// A set for each mask: what is looked up is the mark with the mask applied.
void add_exempt_marks(Parts& parts) {
    std::map<Mark, std::vector<Mark>, std::greater<>> by_mask;  // the whole mark first
    for (const auto& mark : parts.config.proxy.exempt_marks) {
        by_mask[mark.mask].push_back(mark.value);
    }
    const std::string why = "proxy.exempt_marks";
    std::size_t number = 0;
    for (auto& [mask, marks] : by_mask) {
        const auto name = "exempt_marks" + std::to_string(++number);
        const auto set = parts.sets.marks(name, why, std::move(marks));
        parts.exemptions.push_back({MatchMark{mask, *set}, cause::exempt_mark, why, why});
    }
}

/// Whether an endpoint is alive is not for the proxy to say.
void add_exempt_checks(Parts& parts) {
    if (!parts.host.checks_mark) return;
    const std::string why = "service.health";
    const auto set = parts.sets.marks("checks_mark", why, {*parts.host.checks_mark});
    parts.exemptions.push_back({MatchMark{conf::whole_mark, *set}, cause::exempt_mark, why, why});
}

void add_local_resolvers(Parts& parts) {
    if (!parts.local_resolvers_must_be_spared()) return;
    std::vector<UidRange> users;
    for (const auto& resolver : parts.host.local_resolvers) {
        for (const Uid user : resolver.users) {
            if (parts.is_exempt(user)) continue;
            if (user == 0) {
                parts.root_resolves = true;
            } else {
                users.push_back({user, user});
            }
        }
    }
    parts.local_resolvers =
        parts.sets.users("local_resolvers", "resolvers of this machine in resolv_conf", users);
}

void add_outbound_ports(Parts& parts) {
    const auto& outbound = parts.config.redirect.outbound;
    if (!outbound.enabled) return;
    parts.excluded_ports = parts.sets.ports(
        "excluded_outbound_ports", "redirect.outbound.exclude_ports", outbound.exclude_ports);
    parts.included_ports = parts.sets.ports(
        "included_outbound_ports", "redirect.outbound.include_ports", outbound.include_ports);
}

/// The servers of resolv.conf: a set for each family, and a rule of its own for each that is only
/// meant at one interface.
void add_dns_servers(Parts& parts) {
    const auto& dns = parts.config.redirect.dns;
    if (!dns.enabled) return;
    if (dns.capture == conf::DnsCaptureMode::all) {
        parts.dns_servers = {{}};
        return;
    }
    const auto to = [](Family family, std::variant<Cidr, SetRef> networks) {
        return Match{
            MatchAddress{MatchAddress::Field::daddr, Sense::equal, family, std::move(networks)}};
    };
    std::vector<Cidr> anywhere;
    std::vector<std::vector<Match>> scoped;
    for (const auto& server : parts.host.nameservers) {
        const auto family = server.address.family();
        const Cidr host{server.address,
                        static_cast<std::uint8_t>(server.address.bytes().size() * 8)};
        if (server.scope.empty()) {
            anywhere.push_back(host);
        } else if (parts.has_family(family)) {
            scoped.push_back({MatchInterface{Device::out, server.scope}, to(family, host)});
        }
    }
    for (const auto& [family, set] : parts.sets.networks(
             "nameservers", "the servers in resolv_conf", anywhere, parts.families)) {
        parts.dns_servers.push_back({to(family, set)});
    }
    std::ranges::copy(scoped, std::back_inserter(parts.dns_servers));
}

void add_networks(Parts& parts) {
    const auto& networks = parts.config.redirect.networks;
    const auto& redirect = parts.config.redirect;
    if (!redirect.dns.enabled && !redirect.outbound.enabled && !parts.has_vips()) return;
    for (std::size_t i = 0; i < networks.size(); ++i) {
        auto interface = networks[i].interface;
        if (interface.ends_with('+')) interface.back() = '*';  // iptables' wildcard is nft's
        const auto number = std::to_string(i + 1);
        for (const auto& [family, set] : parts.sets.networks("network" + number + "_clients",
                                                             "redirect.network, entry " + number,
                                                             networks[i].cidrs, parts.families)) {
            const MatchAddress from{MatchAddress::Field::saddr, Sense::equal, family, set};
            parts.networks.push_back({family, {MatchInterface{Device::in, interface}, from}, set});
        }
    }
}

/// With vip.mode = "kernel" a whole range, given or not: what is nobody's is refused like what has
/// no endpoint. Else one by one, among those of the proxy.
void add_vips(Parts& parts) {
    const auto& config = parts.config;
    const bool all = config.vip.mode == conf::VipMode::kernel;
    std::vector<Cidr> networks;
    const auto add = [&networks](const std::optional<conf::IpAddress>& address) {
        if (!address) return;
        networks.push_back({*address, static_cast<std::uint8_t>(address->bytes().size() * 8)});
    };
    for (const auto& service : parts.host.vips) {
        add(service.address4);
        add(service.address6);
    }
    if (all) {
        for (const auto& range : conf::vip_ranges4(config)) networks.push_back(range);
        if (config.vip.ipv6) networks.push_back(*config.vip.ipv6);
    }
    parts.vip_addresses = parts.sets.networks("vip_addresses", "VIPs that the kernel translates",
                                              networks, parts.families);
    parts.vip_routes = routes_of(parts.host.vips, parts.families);
    networks.clear();
    for (const auto& address : parts.host.proxy_vips) add(address);
    if (all) {
        parts.proxy_vips = parts.sets.networks("proxy_vips", "VIPs that are the proxy's", networks,
                                               parts.families);
    }
}

}  // namespace

bool Parts::has_family(Family family) const {
    return std::ranges::find(families, family) != families.end();
}

bool Parts::is_exempt(Uid user) const {
    const auto contains = [user](const UidRange& range) {
        return range.first <= user && user <= range.last;
    };
    if (config.proxy.enabled &&
        std::ranges::find(host.proxy_users, user) != host.proxy_users.end()) {
        return true;
    }
    return std::ranges::any_of(host.resolver_users, contains) ||
           std::ranges::any_of(host.exempt_users, contains);
}

bool Parts::local_resolvers_must_be_spared() const {
    const auto& dns = config.redirect.dns;
    if (!dns.enabled) return false;
    // Whatever family a resolver is asked by, it asks by either. In the mode "resolv-conf" only
    // what is sent to a server there is captured: is there another that it may ask?
    return dns.capture == conf::DnsCaptureMode::all || host.nameservers.size() > 1;
}

bool Parts::captures_dns(Protocol protocol) const {
    const auto& dns = config.redirect.dns;
    return dns.enabled && std::ranges::find(dns.protocols, protocol) != dns.protocols.end();
}

std::vector<Match> Parts::dns_match() const {
    std::vector<Protocol> protocols;
    std::ranges::copy_if(any_protocol, std::back_inserter(protocols),
                         [this](Protocol protocol) { return captures_dns(protocol); });
    return {l4proto(std::move(protocols)), MatchDport{dns_port}};
}

bool Parts::outbound_could_take_dns() const {
    const auto& outbound = config.redirect.outbound;
    return outbound.enabled && !contains_dns_port(outbound.exclude_ports) &&
           (outbound.include_ports.empty() || contains_dns_port(outbound.include_ports));
}

Parts make_parts(const conf::Config& config, const Host& host) {
    Parts parts{.config = config,
                .host = host,
                .families = families_of(config.redirect.ip_family),
                .sets = {},
                .exclusions = {},
                .excluded_destinations = {},
                .exemptions = {},
                .proxy = {},
                .local_resolvers = {},
                .root_resolves = false,
                .open_dns = {},
                .excluded_ports = {},
                .included_ports = {},
                .dns_servers = {},
                .networks = {},
                .vip_routes = {},
                .vip_addresses = {},
                .proxy_vips = {}};
    const auto& redirect = config.redirect;
    const bool has_vips = config.vip.mode == conf::VipMode::kernel || !host.vips.empty();
    if (!redirect.inbound.enabled && !redirect.outbound.enabled && !redirect.dns.enabled &&
        !has_vips) {
        return parts;
    }
    add_exclusions(parts);
    add_excluded_destinations(parts);
    add_own_users(parts);
    add_proxy(parts);
    add_exempt_accounts(parts);
    add_exempt_marks(parts);
    add_exempt_checks(parts);
    add_local_resolvers(parts);
    add_outbound_ports(parts);
    add_dns_servers(parts);
    if (redirect.dns.enabled && redirect.dns.on_resolver_down == conf::OnResolverDown::open) {
        parts.open_dns = parts.sets.empty_ports(
            open_dns_set, "53 while nobody answers: redirect.dns.on_resolver_down");
    }
    if (has_vips) add_vips(parts);
    add_networks(parts);
    return parts;
}

Rule leave_alone(std::vector<Match> matches, std::string_view cause, std::string comment) {
    return {std::move(matches), std::string{cause}, Return{}, std::move(comment)};
}

Rule send_to(Port port, std::vector<Match> matches, std::string_view cause, std::string comment) {
    return {std::move(matches), std::string{cause}, RedirectTo{port}, std::move(comment)};
}

std::vector<Rule> open_dns_rules(const Parts& parts) {
    if (!parts.open_dns) return {};
    return {{{l4proto({Protocol::tcp, Protocol::udp}), MatchDport{*parts.open_dns}},
             {},
             Return{},
             "nobody answers DNS here: it goes direct for the moment"}};
}

std::vector<Rule> family_rules(const Parts& parts) {
    if (parts.families.size() != 1) return {};
    const bool only_ipv4 = parts.families.front() == Family::ipv4;
    return {{{MatchFamily{only_ipv4 ? Family::ipv6 : Family::ipv4}},
             uncounted,
             Return{},
             only_ipv4 ? "redirect.ip_family: IPv6 is left alone"
                       : "redirect.ip_family: IPv4 is left alone"}};
}

MatchL4Proto l4proto(std::vector<Protocol> protocols) {
    return {std::move(protocols)};
}

std::vector<Match> joined(std::vector<Match> first, const std::vector<Match>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

void append(std::vector<Rule>& rules, const std::vector<Rule>& more) {
    rules.insert(rules.end(), more.begin(), more.end());
}

}  // namespace meshgate::netfilter
