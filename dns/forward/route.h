#pragma once

#include "conf/address.h"

#include <cstdint>
#include <vector>

namespace meshgate::dns::forward {

/// Who is asked for the names below a suffix.
struct Route {
    std::vector<std::uint8_t> suffix;            ///< lower-case wire form; the root: all names
    std::vector<conf::SocketAddress> upstreams;  ///< in this order, 32 at most; none: nobody

    friend bool operator==(const Route&, const Route&) = default;
};

/// All names to these.
inline std::vector<Route> one_route(std::vector<conf::SocketAddress> upstreams) {
    return {{{0}, std::move(upstreams)}};
}

}  // namespace meshgate::dns::forward
