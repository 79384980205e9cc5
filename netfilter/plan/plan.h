#pragma once

#include "conf/config.h"
#include "netfilter/ruleset/ruleset.h"

#include <string>
#include <vector>

namespace meshgate::netfilter {

/// What the host says that the plan needs: names resolved, files read. Filled by
/// src/meshgate-redirect, by hand in tests.
struct Host {
    Uid proxy_user = 5678;               ///< makes self-calls; its traffic is never captured
    std::vector<UidRange> exempt_users;  ///< dns.user and proxy.exempt_users, resolved
    std::vector<std::vector<UidRange>>
        exclude_users;  ///< for each redirect.outbound.exclude, its users resolved
    std::vector<conf::SocketAddress> nameservers;  ///< of resolv_conf, all families
};

/// What is not in the table and has to be there for it to work; each carries our protocol number
/// and goes at uninstall.
struct Surroundings {
    bool inbound_passthrough_address6 =
        false;  ///< ::6/128 on lo: Envoy's IPv6 inbound passthrough binds to it
    std::vector<Cidr>
        local_routes;  ///< VIP ranges: `RANGE dev lo` unless a route covers them already

    friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

struct Plan {
    Ruleset ruleset;
    Surroundings surroundings;
    std::vector<std::string>
        notices;  ///< e.g. "no IPv6 nameserver in /etc/resolv.conf: IPv6 DNS is not captured"
};

/// The ruleset of a configuration. Pure: the same input gives the same plan, byte for byte in every
/// printed form.
/// @pre conf::contradictions(config) is empty.
Plan plan(const conf::Config& config, const Host& host);

}  // namespace meshgate::netfilter
