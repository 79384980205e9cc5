#pragma once

#include "conf/load.h"

#include <string>
#include <vector>

namespace meshgate::conf {

/// Two keys that cannot both hold; `key` is the first of them, "redirect.inbound.include_ports".
struct Contradiction {
    std::string key;
    Diagnostic diagnostic;  ///< its place is set only where the configuration remembers it
};

/// The sidecar as root.
inline constexpr const char* root_proxy =
    "'proxy.user' cannot be root: nothing that root sends would be captured; give the proxy a user "
    "of its own";

std::vector<Contradiction> find_contradictions(const Config& config);

}  // namespace meshgate::conf
