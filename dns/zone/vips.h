#pragma once

#include "conf/config.h"
#include "conf/load.h"
#include "dns/zone/vip_state.h"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace meshgate::dns::zone {

/// Who wants an address.
struct VipClaim {
    std::string key;                                      ///< in the state file, of nobody else
    std::string what;                                     ///< in messages: "service 'backend'"
    conf::ServiceKind kind = conf::ServiceKind::service;  ///< whose range
    std::optional<conf::IpAddress> pin4;                  ///< may lie outside the range
    std::optional<conf::IpAddress> pin6;
    conf::Location where;
};

struct VipGrant {
    conf::IpAddress address4;
    std::optional<conf::IpAddress> address6;  ///< none: NODATA for AAAA
};

struct Allocation {
    std::vector<VipGrant> grants;            ///< in the order of the claims
    VipState state;                          ///< to be kept
    std::vector<conf::Diagnostic> warnings;  ///< a pin on what another had, ...
};

/// Gives each its addresses: a pin wins; then the one it had, and has it again within the rest that
/// `vip` asks for, or later if it is still free; then the lowest of its range that nobody has, that
/// does not rest and that lies in no other kind's range within its own (240.0.0.0 is valid). What
/// nobody wants any more rests from `now`. Pure.
/// @throws conf::Error that names both sides: a range that is full, an address pinned twice, a kept
///   address outside of the range.
Allocation allocate(std::span<const VipClaim> claims, const conf::Vip& vip, const VipState& kept,
                    std::chrono::sys_seconds now);

}  // namespace meshgate::dns::zone
