#pragma once

#include "conf/address.h"

#include <vector>

namespace meshgate::netfilter {

using conf::Cidr;

/// What is not in the table and has to be there for it to work; each carries our protocol number
/// and goes at uninstall.
struct Surroundings {
    bool inbound_passthrough_address6 =
        false;  ///< ::6/128 on lo: Envoy's IPv6 inbound passthrough binds to it
    std::vector<Cidr>
        local_routes;  ///< VIP ranges: `RANGE dev lo` unless a route covers them already
    /// Packets to an IPv4 VIP are translated to go elsewhere: no loopback source (`src 127.0.0.1`)
    /// where the machine has another address, for with it they cannot leave (the kernel's
    /// __mkroute_output()).
    bool translated = false;

    friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

}  // namespace meshgate::netfilter
