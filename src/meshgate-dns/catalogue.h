#pragma once

#include "conf/load.h"
#include "dns/zone/build.h"
#include "dns/zone/vips.h"

#include <memory>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// The names a configuration makes, their addresses allocated.
struct Catalogue {
    dns::zone::Contents contents;
    dns::zone::VipState state;          ///< to be kept
    std::vector<std::string> warnings;  ///< of the configuration and of the allocation, one a line
};

/// @throws conf::Error for whatever contradicts itself: a range that is full, a pin given twice, a
///   record that is none.
Catalogue make_catalogue(const conf::Loaded& loaded, const dns::zone::VipState& kept);

/// The state file. One that cannot be read or understood is a line in `warnings` and an empty
/// state: names must not depend on it.
dns::zone::VipState read_kept_state(const std::string& file, std::vector<std::string>& warnings);

}  // namespace meshgate::dnsd
