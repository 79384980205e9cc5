#pragma once

#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/setup.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// Puts the plan in force. What the kernel lacks is left out of the plan, or iptables takes the
/// place of nftables, where the configuration leaves that open; the setup's notices say so.
/// @return what was done or left out beside the rules, a line each
/// @throws netfilter::KernelError, std::system_error
std::vector<std::string> replace(Capture& capture, Setup& setup,
                                 const std::optional<Pending>& pending = {});

}  // namespace meshgate::redirect
