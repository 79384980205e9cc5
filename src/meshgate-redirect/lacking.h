#pragma once

#include "netfilter/nftnl/kernel.h"

#include <string>
#include <vector>

namespace meshgate::redirect {

/// Tries each kernel feature that a capture needs by itself. @return a line for each that is not
/// there, with its consequence.
std::vector<std::string> lacking_features(netfilter::Kernel& kernel);

}  // namespace meshgate::redirect
