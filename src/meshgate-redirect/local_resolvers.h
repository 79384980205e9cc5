#pragma once

#include "netfilter/plan/plan.h"

#include <vector>

namespace meshgate::redirect {

/// Those of `nameservers` that are on this machine, and as whom each of them asks. Of several users
/// root is left out: it has kept the socket of a resolver that gave its privileges up.
std::vector<netfilter::LocalResolver>
find_local_resolvers(const std::vector<conf::SocketAddress>& nameservers);

}  // namespace meshgate::redirect
