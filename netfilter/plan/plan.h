#pragma once

#include "conf/config.h"
#include "netfilter/plan/vips.h"
#include "netfilter/ruleset/ruleset.h"
#include "netfilter/ruleset/surroundings.h"

#include <string>
#include <vector>

namespace meshgate::netfilter {

/// A resolver of this machine that resolv_conf names: its own questions are not to come back to it.
struct LocalResolver {
    conf::IpAddress address;
    std::string program;           ///< "dnsmasq"; empty when that could not be found out
    std::vector<conf::Uid> users;  ///< as whom it asks; empty when nobody answers there
};

/// The comment of the rules that spare their users, by which they are found in what is installed;
/// root is not among them, and has a rule of its own.
inline constexpr const char* local_resolvers_comment =
    "those of the resolver in resolv.conf too, or they come back to it";

/// What the host says that the plan needs: names resolved, files read. Filled by
/// src/meshgate-redirect, by hand in tests.
struct Host {
    /// Each makes self-calls, and its traffic is never captured; never empty.
    std::vector<Uid> proxy_users{5678};
    std::vector<UidRange> resolver_users;  ///< dns.user, where it is none of the proxy's
    std::vector<UidRange> exempt_users;    ///< proxy.exempt_users, resolved
    std::vector<GidRange> exempt_groups;   ///< proxy.exempt_groups, resolved
    std::vector<std::vector<UidRange>>
        exclude_users;  ///< for each redirect.outbound.exclude, its users resolved
    std::vector<conf::SocketAddress> nameservers;  ///< of resolv_conf, all families
    std::vector<LocalResolver> local_resolvers;    ///< those of them that are on this machine
    std::vector<VipService> vips{};               ///< that the kernel translates
    std::optional<conf::Mark> checks_mark{};      ///< of the guard's checks of endpoints, to be spared
    std::vector<conf::IpAddress> proxy_vips{};    ///< of vip.mode "kernel": those left to the proxy
};

struct Plan {
    Ruleset ruleset;
    Surroundings surroundings;
    std::vector<std::string>
        notices;  ///< e.g. "no IPv6 nameserver in /etc/resolv.conf: IPv6 DNS is not captured"
};

/// The ruleset of a configuration. Pure: the same input gives the same plan, byte for byte in every
/// printed form.
/// @pre conf::contradictions(config) and vip_faults(host.vips) are empty.
Plan plan(const conf::Config& config, const Host& host);

}  // namespace meshgate::netfilter
