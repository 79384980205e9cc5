#pragma once

#include <map>
#include <string>

namespace meshgate::redirect {

/// The settings that the capture depends on, by their path below /proc/sys; one that the kernel
/// does not have is not in it. Those of each interface: rp_filter, route_localnet.
/// @param folder  "/proc/sys", or one that looks like it
std::map<std::string, std::string> read_settings(const std::string& folder = "/proc/sys");

}  // namespace meshgate::redirect
