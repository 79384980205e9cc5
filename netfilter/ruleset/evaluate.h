#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::netfilter {

/// The first packet of a connection, as the chains of one hook see it.
struct Packet {
    Hook hook = Hook::output;
    Protocol protocol = Protocol::tcp;
    conf::IpAddress source, destination;
    Port dport = 0;
    std::optional<Uid> uid;     ///< of the socket; none in prerouting
    std::string interface;      ///< out of which (output), in by which (prerouting)
    bool is_loopback = false;   ///< that interface is one
    bool to_this_host = false;  ///< fib daddr type local
    bool is_invalid = false;    ///< ct state invalid
    std::optional<Gid> gid{};   ///< of the socket; none in prerouting
    Mark mark = 0;              ///< of the socket, SO_MARK
    /// Every match of a group or a mark holds, for a packet of which neither is known.
    bool has_any_group_and_mark = false;
};

/// A rule whose matches all held.
struct Step {
    const Chain* chain;
    const Rule* rule;
};

/// Where a VIP leads, and how many of its slots.
struct EndpointShare {
    conf::IpAddress address;
    Port port = 0;
    std::uint32_t slots = 0;

    friend bool operator==(const EndpointShare&, const EndpointShare&) noexcept = default;
};

struct Outcome {
    std::optional<Port> redirected_to;
    std::optional<SlotChoice> balanced;    ///< among `endpoints`
    std::vector<EndpointShare> endpoints;  ///< in the order of their first slots; never empty then
    std::optional<std::uint16_t> zone;
    bool dropped = false;
    bool rejected = false;
    std::vector<Step> steps;  ///< in order; they point into the ruleset
};

/// What the rules do to a packet, as nf_tables walks them: base chains by priority; NAT decided by
/// the first chain that translates; `return` in a base chain ending only that chain; `skuid`
/// without a socket no match. A set or chain that is not in the ruleset matches nothing. Of a packet
/// that several endpoints may get, what comes after is said for the first. Postrouting is not
/// walked.
Outcome evaluate(const Ruleset& ruleset, const Packet& packet);

}  // namespace meshgate::netfilter
