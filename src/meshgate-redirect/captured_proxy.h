#pragma once

#include "netfilter/nftnl/sockets.h"
#include "netfilter/plan/plan.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// The line for a proxy whose own connections would come back to it: those who made the sockets at
/// the outbound port are not exempt. A socket's user is who created it, whatever its process is
/// now.
/// @param listening  for TCP
std::optional<std::string> captured_proxy(const conf::Config& config, const netfilter::Host& host,
                                          const std::vector<netfilter::WaitingSocket>& listening);

/// The same of what listens in this network namespace.
std::optional<std::string> captured_proxy(const conf::Config& config, const netfilter::Host& host);

}  // namespace meshgate::redirect
