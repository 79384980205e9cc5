#pragma once

#include "conf/address.h"
#include "conf/ranges.h"

#include <cstdint>
#include <optional>
#include <string>

struct nlmsghdr;

namespace meshgate::netfilter {

/// What a packet looked like at some hook.
struct TracedPacket {
    conf::IpAddress source, destination;
    conf::Protocol protocol = conf::Protocol::tcp;
    conf::Port sport = 0, dport = 0;

    friend bool operator==(const TracedPacket&, const TracedPacket&) = default;
};

/// A step of a packet that is traced (NFT_MSG_TRACE, net/netfilter/nf_tables_trace.c).
struct TraceEvent {
    enum class Kind : std::uint8_t {
        rule,         ///< a rule that matched
        chain_end,    ///< a chain that a jump led to has ended
        policy,       ///< a base chain has ended
    };
    std::uint32_t id = 0;  ///< of the packet at this hook; another one after lo
    Kind kind = Kind::rule;
    std::string family;  ///< "inet", "ip", "ip6"
    std::string table, chain;
    std::uint64_t rule = 0;   ///< its handle, of Kind::rule
    std::string verdict;      ///< "accept", "drop", "jump DOCKER", "continue", "return", ...
    std::uint32_t in = 0, out = 0;  ///< indices of interfaces; 0: none
    std::optional<TracedPacket> packet;  ///< told once for each chain that is entered
};

/// None for another message, and for one of which something is missing.
std::optional<TraceEvent> parse_trace(const nlmsghdr& message);

}  // namespace meshgate::netfilter
