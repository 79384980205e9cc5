#pragma once

#include "conf/config.h"
#include "dns/naming/names.h"
#include "dns/zone/vips.h"

/// Who has which VIP. Both programs ask here, so that both say the same of the same configuration
/// and state file.
namespace meshgate {

struct Assignment {
    dns::naming::Names names;
    dns::zone::Allocation allocation;  ///< grants in the order of names.vips
};

/// Writes nothing. Does not depend on the time but for addresses that rest.
/// @throws conf::Error for whatever contradicts itself: a range that is full, a pin given twice
Assignment assign_vips(const conf::Config& config, const dns::zone::VipState& kept);

}  // namespace meshgate
