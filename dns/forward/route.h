#pragma once

#include "conf/address.h"

#include <cstdint>
#include <vector>

namespace meshgate::dns::forward {

/// A set of replies that are not the last word: a bit for each rcode that a header can say, and
/// one for the reply that has none of what was asked for (NOERROR without an answer).
class ReplySet {
public:
    constexpr ReplySet() = default;
    /// @param rcode 0..15
    constexpr void add_rcode(unsigned rcode) noexcept { bits_ |= 1U << (rcode & 15U); }
    constexpr void add_nodata() noexcept { bits_ |= nodata; }

    /// @pre `rcode` and `answers` are those of a whole reply.
    [[nodiscard]] constexpr bool has(unsigned rcode, unsigned answers) const noexcept {
        if (rcode == 0 && answers == 0 && (bits_ & nodata) != 0) return true;
        return (bits_ & (1U << (rcode & 15U))) != 0;
    }
    friend bool operator==(const ReplySet&, const ReplySet&) = default;

private:
    static constexpr std::uint32_t nodata = 1U << 16;
    std::uint32_t bits_ = 0;
};

/// Servers that are asked once the first ones have said something of `on`. No reply at all counts
/// as SERVFAIL.
struct Alternative {
    ReplySet on;
    std::vector<conf::SocketAddress> upstreams;  ///< as Route's

    friend bool operator==(const Alternative&, const Alternative&) = default;
};

/// Which of the servers that are up is asked first.
enum class Order : std::uint8_t {
    listed,  ///< the first of the list
    random,  ///< any, anew for each query
    turns    ///< the one after that of the query before
};

/// Who is asked for the names below a suffix.
struct Route {
    std::vector<std::uint8_t> suffix;            ///< lower-case wire form; the root: all names
    std::vector<conf::SocketAddress> upstreams;  ///< in this order, 32 at most; none: nobody
    std::vector<Alternative> alternatives = {};  ///< the first that the reply is in; what it says
                                                 ///< is the last word
    Order order = Order::listed;                 ///< of the upstreams and of each alternative's

    friend bool operator==(const Route&, const Route&) = default;
};

/// All names to these.
inline std::vector<Route> one_route(std::vector<conf::SocketAddress> upstreams) {
    return {{{0}, std::move(upstreams)}};
}

}  // namespace meshgate::dns::forward
