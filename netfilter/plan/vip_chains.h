#pragma once

#include "netfilter/plan/parts.h"

namespace meshgate::netfilter {

/// The maps of VIPs, with all endpoints.
void add_vip_maps(const Parts& parts, Ruleset& ruleset);

}  // namespace meshgate::netfilter
