#pragma once

#include "conf/address.h"
#include "netfilter/ruleset/evaluate.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meshgate::redirect {

/// A question: where does such a connection, or such a datagram, go?
struct Probe {
    conf::Protocol protocol = conf::Protocol::tcp;
    conf::IpAddress destination;
    conf::Port port = 0;
    std::optional<conf::Uid> user;        ///< who opens the socket; unset: who asks
    std::optional<conf::Gid> group;       ///< in which group; unset: the user's own, if it has one
    conf::Mark mark = 0;                  ///< that the socket puts on its packets (SO_MARK)
    bool inbound = false;                 ///< arrives here, instead of beginning here
    std::optional<conf::IpAddress> from;  ///< its source; unset: any that no rule names
    std::string interface;                ///< that it arrives at or leaves by; empty: as routed
};

/// `words` are "tcp" or "udp" and "ADDRESS:PORT" ("[ADDRESS]:PORT"); `options` are user, group,
/// mark, inbound, from and interface. @throws UsageError
Probe parse_probe(const std::vector<std::string>& words,
                  const std::vector<std::pair<std::string, std::string>>& options);

/// The packet that the rules see, as this machine would route it.
struct Routed {
    netfilter::Packet packet;
    bool has_route = true;     ///< without one connect() fails before any rule
    bool names_group = false;  ///< it was asked for
};
Routed route(const Probe& probe);

}  // namespace meshgate::redirect
