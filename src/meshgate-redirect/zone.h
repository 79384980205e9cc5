#pragma once

#include "netfilter/ruleset/kernel_error.h"
#include "src/meshgate-redirect/setup.h"

#include <functional>
#include <optional>

/// Kernels without conntrack zones (CONFIG_NF_CONNTRACK_ZONES): the capture works there, less well.
namespace meshgate::redirect {

/// As Engine::trial().
using Trial =
    std::function<std::optional<netfilter::KernelError>(const netfilter::Ruleset& ruleset)>;

/// Plans anew without a zone, and adds what that means to the notices, where the kernel takes rules
/// but none that sets a zone. @return false when `setup` stays as it was.
bool leave_out_zone(Setup& setup, const Trial& trial);

/// One of its rules sets a zone.
bool sets_a_zone(const netfilter::Ruleset& ruleset);

}  // namespace meshgate::redirect
