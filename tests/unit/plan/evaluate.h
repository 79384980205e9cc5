#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace meshgate::netfilter::test {

/// The first packet of a connection, as the chains of one hook see it.
struct Packet {
    Hook hook = Hook::output;
    Protocol protocol = Protocol::tcp;
    std::string source;
    std::string destination;
    Port dport = 0;
    std::optional<Uid> uid;  ///< of the socket; none in prerouting
    std::string interface;   ///< out of which (output), in by which (prerouting); "lo" is loopback
    bool to_this_host = false;  ///< fib daddr type local
    bool invalid = false;       ///< ct state invalid
    std::optional<Gid> gid{};   ///< of the socket; none in prerouting
    Mark mark = 0;
};

struct Outcome {
    std::optional<Port> redirected_to;
    std::optional<std::uint16_t> zone;
    bool dropped = false;

    friend bool operator==(const Outcome&, const Outcome&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome);
};

/// netfilter::evaluate() in words that fit into the row of a table: "lo" is the loopback interface.
Outcome evaluate(const Ruleset& ruleset, const Packet& packet);

}  // namespace meshgate::netfilter::test
