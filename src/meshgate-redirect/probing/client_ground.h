#pragma once

#include "conf/config.h"
#include "src/meshgate-redirect/interfaces.h"
#include "src/meshgate-redirect/probing/planned_probe.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// What a client's probe needs to know of an interface.
struct InterfaceState {
    std::function<bool(const std::string&)> is_up;
    std::function<bool(const std::string&)> is_strict;  ///< rp_filter is 1 there
};

struct ClientGround {
    std::vector<ProbeClient> clients;
    std::vector<std::string> left_out;  ///< "clients behind NAME: why not"
};

/// For each interface of [[redirect.network]], four at most, of each family a client that a probe
/// can come from: with the last address of its network that is none of this machine. Pure.
ClientGround find_clients(const conf::Redirect& redirect, std::span<const conf::Family> families,
                          const std::vector<InterfaceAddress>& addresses,
                          const InterfaceState& state);

}  // namespace meshgate::redirect
