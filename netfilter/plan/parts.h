#pragma once

#include "netfilter/plan/plan.h"
#include "netfilter/plan/sets.h"
#include "netfilter/ruleset/counters.h"

#include <optional>
#include <string>
#include <vector>

/// What several chains of the plan share. The rules that the DNS zone and the DNS redirect have in
/// common are made once, here, so that both match exactly the same packets: a question in a zone of
/// its own that is not redirected, or the other way round, is lost.
namespace meshgate::netfilter {

inline constexpr PortRange dns_port{53, 53};

/// A rule of redirect.outbound.exclude.
struct Exclusion {
    Rule rule;
    bool covers_udp_dns = false;
};

/// Whose traffic is left alone, for DNS and TCP, and what that is counted as.
struct Exemption {
    Match who;
    std::string_view cause;
    std::string why_dns, why_tcp;  ///< comments
};

/// Clients behind an interface: `iifname "docker0" ip saddr @network1_clients4`.
struct NetworkClients {
    Family family = Family::ipv4;
    std::vector<Match> from;
    SetRef clients;  ///< what `from` looks up
};

struct Parts {
    const conf::Config& config;
    const Host& host;
    std::vector<Family> families;  ///< ip_family
    SetCollection sets;
    std::vector<Exclusion> exclusions;
    std::vector<Rule> excluded_destinations;
    std::vector<Exemption> exemptions;      ///< the proxy's users first
    std::optional<Match> proxy;             ///< its users, who make self-calls
    std::optional<SetRef> local_resolvers;  ///< users of their own
    bool root_resolves = false;             ///< one of them is root, like much else
    std::optional<SetRef> open_dns;         ///< redirect.dns.on_resolver_down = "open"
    std::optional<SetRef> excluded_ports;
    std::optional<SetRef> included_ports;
    std::vector<std::vector<Match>> dns_servers;  ///< each is captured; {} matches any server
    std::vector<NetworkClients> networks;
    std::vector<VipRoute> vip_routes;
    std::vector<SetCollection::Networks> vip_addresses;  ///< for the kernel to translate or refuse
    std::vector<SetCollection::Networks> proxy_vips;     ///< among those, left to the proxy

    /// The kernel translates VIPs.
    [[nodiscard]] bool has_vips() const { return !vip_addresses.empty(); }
    [[nodiscard]] bool has_family(Family family) const;
    /// The proxy's users, dns.user and proxy.exempt_users
    [[nodiscard]] bool is_exempt(Uid user) const;
    /// Their own questions would be captured, unless their users are exempt.
    [[nodiscard]] bool local_resolvers_must_be_spared() const;
    [[nodiscard]] bool captures_dns(Protocol protocol) const;
    /// `meta l4proto ... th dport 53` of the DNS capture
    [[nodiscard]] std::vector<Match> dns_match() const;
    /// TCP/53 is for the outbound capture to take where the DNS capture leaves some of it.
    [[nodiscard]] bool outbound_could_take_dns() const;
};

/// @pre as for plan().
Parts make_parts(const conf::Config& config, const Host& host);

/// A rule that leaves alone what matches, and counts it.
Rule leave_alone(std::vector<Match> matches, std::string_view cause, std::string comment);
/// A rule that sends what matches to `port` of this machine.
Rule send_to(Port port, std::vector<Match> matches, std::string_view cause, std::string comment);
/// DNS is left alone while nobody answers it: by a set that is empty otherwise.
std::vector<Rule> open_dns_rules(const Parts& parts);

/// Every base chain begins with it: nothing of a family that is left alone is looked at.
std::vector<Rule> family_rules(const Parts& parts);

MatchL4Proto l4proto(std::vector<Protocol> protocols);
std::vector<Match> joined(std::vector<Match> first, const std::vector<Match>& second);
void append(std::vector<Rule>& rules, const std::vector<Rule>& more);

}  // namespace meshgate::netfilter
