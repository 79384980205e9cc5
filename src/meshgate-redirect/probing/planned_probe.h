#pragma once

#include "conf/config.h"
#include "netfilter/plan/plan.h"
#include "netfilter/ruleset/evaluate.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// A connection or a question that is made to see where it goes.
struct PlannedProbe {
    std::string who;  ///< "an application", "the proxy", "somebody outside"
    netfilter::Packet packet;  ///< as the rules see it
    std::optional<conf::Port> redirected_to;  ///< what the policy says
    std::optional<std::uint16_t> zone;        ///< of conntrack
    bool speaks_dns = false;
    std::string name;         ///< whose address is asked for; empty: who the server is
    bool is_led_there = false;  ///< to the address of somebody else, and must not reach him
    bool bind_source = false;   ///< the source is no choice of the kernel's
    std::string client_of;      ///< the interface that it comes from behind of; empty: none

    [[nodiscard]] bool is_inbound() const noexcept {
        return packet.hook == netfilter::Hook::prerouting;
    }
};

/// Somebody behind an interface of [[redirect.network]] whose packets can be made.
struct ProbeClient {
    std::string interface;
    conf::IpAddress address;
    conf::IpAddress here;  ///< where what is captured from him is redirected to
};

/// Between what they run.
struct ProbeGround {
    std::string interface;                       ///< over which what leaves this machine leaves it
    std::map<conf::Family, conf::IpAddress> here;   ///< families that can be probed
    std::map<conf::Family, conf::IpAddress> there;
    std::vector<ProbeClient> clients;
    std::function<bool(const conf::IpAddress&)> is_local;  ///< an address of this machine
    std::function<bool(const conf::IpAddress&)> leaves_by_loopback;  ///< as a VIP's range does
};

struct PlannedProbes {
    std::vector<PlannedProbe> list;
    std::vector<std::string> left_out;  ///< paths that cannot be probed, and why
};

/// A probe for each path of the policy: both families, TCP and UDP, users that are captured and
/// those that are not, what leaves, what arrives, what stays, what clients send through this machine,
/// DNS by each server and by name.
/// Where each has to go is what the rules say, as `explain` does. Pure.
PlannedProbes plan_probes(const netfilter::Ruleset& rules, const conf::Config& config,
                          const netfilter::Host& host, const ProbeGround& ground);

/// A user that no rule names.
conf::Uid application_user(const netfilter::Ruleset& rules);

/// "TCP from an application (user 65534) to 192.0.2.2:80".
std::string to_text(const PlannedProbe& probe);

}  // namespace meshgate::redirect
