#pragma once

#include "src/meshgate-redirect/engine.h"

#include <string>
#include <vector>

namespace meshgate::redirect {

/// Tries each kernel feature that a capture needs by itself. @return a line for each that is not
/// there, with its consequence. Of nftables; iptables says it itself.
std::vector<std::string> lacking_features(Engine& engine);

}  // namespace meshgate::redirect
