#pragma once

#include "conf/config.h"
#include "netfilter/plan/plan.h"

#include <string>
#include <vector>

namespace meshgate::redirect {

struct GatheredHost {
    netfilter::Host host;
    std::vector<std::string> warnings;  ///< what had to be assumed
    std::vector<std::string> notices;   ///< what the plan was made without
};

/// Asks this machine what the plan needs: users by name, the nameservers. Needs no privilege and
/// changes nothing.
/// @throws UnknownUser
GatheredHost gather_host(const conf::Config& config);

}  // namespace meshgate::redirect
