#pragma once

#include "conf/config.h"
#include "dns/zone/vip_state.h"
#include "netfilter/plan/plan.h"
#include "src/meshgate-redirect/setup.h"

#include <optional>
#include <string>
#include <vector>

/// The VIPs of the configuration as meshgate-dns hands them out. The state file says which they
/// are: what it does not say yet is computed from it in the same way by both programs, and an
/// installation keeps it there before a packet is translated (keep_vips()).
namespace meshgate::redirect {

/// The configuration has VIPs for the kernel to translate.
bool has_kernel_vips(const conf::Config& config);

/// The mark of the guard's checks of endpoints, where a proxy would take them: "mgck".
inline constexpr conf::Mark checks_mark = 0x6d67636b;

/// Fills host.vips, host.proxy_vips and host.checks_mark. Nothing is read when there is none for the kernel.
/// @param notices  gets what somebody should know: VIPs that nobody serves
/// @return the state file's content, when it has all of the addresses
/// @throws conf::Error for what the kernel cannot do (netfilter::vip_faults()) and for addresses
///   that contradict each other
std::optional<dns::zone::VipState> gather_vips(const conf::Config& config, netfilter::Host& host,
                                               std::vector<std::string>& notices);

/// Makes the state file say what the plan of `setup` translates: does nothing when it does, writes
/// it, and plans anew, when no meshgate-dns keeps it.
/// @throws std::runtime_error when a meshgate-dns keeps it that has not given these addresses: it
///   runs with an older configuration.
void keep_vips(Setup& setup);

/// @throws Unsupported when the plan translates VIPs and the engine is another than nftables.
void require_engine_for_vips(const Setup& setup, std::string_view engine);

}  // namespace meshgate::redirect
