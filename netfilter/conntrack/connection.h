#pragma once

#include "conf/address.h"
#include "conf/ranges.h"

#include <compare>
#include <cstdint>
#include <optional>

namespace meshgate::netfilter {

/// One direction of a connection as conntrack sees its packets.
struct Tuple {
    conf::IpAddress source, destination;
    conf::Port sport = 0, dport = 0;
    std::uint16_t zone = 0;  ///< in which packets of this direction are looked up

    friend auto operator<=>(const Tuple&, const Tuple&) noexcept = default;
};

/// How far a TCP connection is, as far as that matters here.
enum class Phase : std::uint8_t {
    open,   ///< from the first packet until both ends have closed; UDP is always open
    ended,  ///< only remembered (TIME_WAIT, CLOSE)
};

/// An entry of conntrack. Where nothing is translated, `reply` is `original` turned round.
struct Connection {
    conf::Protocol protocol = conf::Protocol::tcp;
    Tuple original;         ///< what who began it sends
    Tuple reply;            ///< what is awaited in answer, as it is before translation back
    bool answered = false;  ///< IPS_SEEN_REPLY
    Phase phase = Phase::open;
    std::uint32_t id = 0;  ///< no two entries of one tuple, one after the other, have the same
    /// Of both directions so far; none where the kernel does not count (nf_conntrack_acct).
    std::optional<std::uint64_t> bytes = {};

    friend bool operator==(const Connection&, const Connection&) noexcept = default;
};

/// Somebody's rule sends it elsewhere than its first packet was addressed to.
inline bool is_redirected(const Connection& connection) noexcept {
    return connection.reply.source != connection.original.destination ||
           connection.reply.sport != connection.original.dport;
}

}  // namespace meshgate::netfilter
