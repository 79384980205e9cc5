#pragma once

#include "netfilter/nftnl/kernel.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/setup.h"

#include <functional>
#include <optional>

/// Kernels without conntrack zones (CONFIG_NF_CONNTRACK_ZONES): the capture works there, less well.
namespace meshgate::redirect {

/// As netfilter::Kernel::trial().
using Trial =
    std::function<std::optional<netfilter::KernelError>(const netfilter::Ruleset& ruleset)>;

/// Plans anew without a zone, and adds what that means to the notices, where the kernel takes rules
/// but none that sets a zone. @return false when `setup` stays as it was.
bool leave_out_zone(Setup& setup, const Trial& trial);

/// The same where the zone may have been left out at install: what is installed has none. Any other
/// time the kernel is not asked.
void fit_to_installed(Setup& setup, Capture& capture);

}  // namespace meshgate::redirect
