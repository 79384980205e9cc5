#include "netfilter/plan/chains.h"

#include <array>

namespace meshgate::netfilter {
namespace {

constexpr MatchLoopback over_loopback{Device::out, Sense::equal};

Cidr host(Family family, std::uint8_t last_byte) {
    if (family == Family::ipv4) {
        const std::array<std::uint8_t, 4> bytes{127, 0, 0, last_byte};
        return {conf::IpAddress::ipv4(bytes), 32};
    }
    std::array<std::uint8_t, 16> bytes{};
    bytes.back() = last_byte;
    return {conf::IpAddress::ipv6(bytes), 128};
}

/// 127.0.0.6 and ::6: Envoy's inbound passthrough binds to them.
Cidr passthrough_source(Family family) {
    return host(family, 6);
}

/// 127.0.0.1 and ::1, where an application may listen for nobody but its proxy. Not 127.0.0.0/8:
/// Kuma's validator counts on the rest of it being a self-call.
Cidr localhost(Family family) {
    return host(family, 1);
}

void append_dns(std::vector<Rule>& rules, const Parts& parts) {
    const auto& dns = parts.config.redirect.dns;
    append(rules, exempt_dns_rules(parts));
    append(rules, vip_dns_rules(parts));
    append(rules, open_dns_rules(parts));
    for (const auto& server : parts.dns_servers) {
        rules.push_back(send_to(dns.port, joined(server, parts.dns_match()), cause::captured_dns,
                                "DNS goes to the mesh resolver"));
    }
    const bool all_is_captured =
        parts.captures_dns(Protocol::tcp) && dns.capture == conf::DnsCaptureMode::all;
    if (parts.outbound_could_take_dns() && !all_is_captured) {
        rules.push_back(leave_alone({l4proto({Protocol::tcp}), MatchDport{dns_port}},
                                    cause::exempt_port,
                                    "TCP DNS that is not captured goes direct, never to the "
                                    "proxy"));
    }
}

/// For everybody, the proxy's calls to this machine included, as with kumactl.
void append_excluded_ports(std::vector<Rule>& rules, const Parts& parts) {
    if (!parts.excluded_ports) return;
    rules.push_back(leave_alone({l4proto({Protocol::tcp}), MatchDport{*parts.excluded_ports}},
                                cause::exempt_port, "redirect.outbound.exclude_ports"));
}

void append_loopback(std::vector<Rule>& rules, const Parts& parts) {
    const auto& redirect = parts.config.redirect;
    for (const Family family : parts.families) {
        // To local addresses only: ::6 is also what the kernel chooses as the source of an
        // application's packet to a VIP that leaves over lo.
        rules.push_back(leave_alone({over_loopback,
                                     MatchAddress{MatchAddress::Field::saddr, Sense::equal, family,
                                                  passthrough_source(family)},
                                     MatchLocalDestination{}},
                                    cause::loop_prevented,
                                    "from the proxy to the application behind it"));
    }
    if (redirect.inbound.enabled) {
        for (const Family family : parts.families) {
            rules.push_back(send_to(redirect.inbound.port,
                                    {over_loopback,
                                     MatchAddress{MatchAddress::Field::daddr, Sense::not_equal,
                                                  family, localhost(family)},
                                     l4proto({Protocol::tcp}), *parts.proxy,
                                     MatchLocalDestination{}},
                                    cause::captured_inbound,
                                    "the proxy calling this machine comes in as from outside"));
        }
    }
    if (redirect.outbound.enabled) {
        // A VIP without another route leaves over lo as well, but is no local address: it goes on.
        rules.push_back(leave_alone({over_loopback, MatchLocalDestination{}}, cause::exempt_local,
                                    "applications of this machine talk to each other directly"));
    }
}

void append_outbound(std::vector<Rule>& rules, const Parts& parts) {
    const auto& outbound = parts.config.redirect.outbound;
    if (!outbound.enabled && !parts.has_vips()) return;
    for (const auto& exemption : parts.exemptions) {
        rules.push_back(leave_alone({exemption.who}, exemption.cause, exemption.why_tcp));
    }
    append(rules, vip_rules(parts));
    if (!outbound.enabled) return;
    std::vector<Match> matches{l4proto({Protocol::tcp})};
    if (parts.included_ports) matches.emplace_back(MatchDport{*parts.included_ports});
    rules.push_back(send_to(outbound.port, std::move(matches), cause::captured_outbound,
                            "outbound TCP goes to the proxy"));
}

}  // namespace

std::vector<Rule> exempt_dns_rules(const Parts& parts) {
    std::vector<Rule> rules;
    const std::vector<Match> dns{l4proto({Protocol::tcp, Protocol::udp}), MatchDport{dns_port}};
    const auto exempt = [&rules, &dns](std::vector<Match> who, std::string_view cause,
                                       std::string why) {
        rules.push_back(leave_alone(joined(dns, who), cause, std::move(why)));
    };
    for (const auto& exemption : parts.exemptions) {
        exempt({exemption.who}, exemption.cause, exemption.why_dns);
    }
    if (parts.local_resolvers) {
        exempt({MatchSkuid{*parts.local_resolvers}}, cause::loop_prevented,
               local_resolvers_comment);
    }
    if (parts.root_resolves) {
        // Others of that user ask the resolver itself, over lo: theirs are captured.
        exempt(
            {MatchSkuid{Uid{0}}, MatchLoopback{Device::out, Sense::not_equal}},
            cause::loop_prevented,
            "the resolver in resolv.conf runs as root: what root asks elsewhere is its question");
    }
    return rules;
}

std::vector<Chain> output_chains(const Parts& parts) {
    const auto& redirect = parts.config.redirect;
    const bool tcp = redirect.inbound.enabled || redirect.outbound.enabled;
    if (!tcp && parts.dns_servers.empty() && !parts.has_vips()) return {};
    const int priority = redirect.outbound.insert ? first_redirect_priority : redirect_priority;
    Chain chain{"output", BaseChain{ChainType::nat, Hook::output, priority}, family_rules(parts)};
    for (const auto& exclusion : parts.exclusions) chain.rules.push_back(exclusion.rule);
    append(chain.rules, parts.excluded_destinations);
    append_dns(chain.rules, parts);
    append_excluded_ports(chain.rules, parts);
    if (tcp) append_loopback(chain.rules, parts);
    append_outbound(chain.rules, parts);
    return {std::move(chain)};
}

}  // namespace meshgate::netfilter
