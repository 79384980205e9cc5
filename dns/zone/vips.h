#pragma once

#include "conf/config.h"
#include "conf/load.h"
#include "dns/zone/build.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::zone {

/// Which service had which address: what keeps VIPs stable over restarts and edits of the file.
struct VipState {
    std::map<std::string, conf::IpAddress> ipv4;
    std::map<std::string, conf::IpAddress> ipv6;  ///< native range only

    friend bool operator==(const VipState&, const VipState&) = default;
};

struct Allocation {
    std::vector<NamedService> services;      ///< in file order
    VipState state;                          ///< to be kept
    std::vector<conf::Diagnostic> warnings;  ///< a kept address that left the range, ...
};

/// Gives each service its addresses: a pin wins; then the one it had, if still in the range and not
/// pinned by another; then the lowest free of the range, from its first (240.0.0.0 is valid).
/// Services that are gone free theirs. Pure.
/// @throws conf::Error naming the services for a range that is full or an address pinned twice.
Allocation allocate(const conf::Config& config, const VipState& kept);

/// TOML text of the state file, and back. @throws conf::Error for a file that is not one.
std::string to_text(const VipState& state);
VipState parse_state(std::string_view text, std::string_view name);

/// Missing file: empty state. A corrupt one: @throws conf::Error (the caller says so, and starts
/// with an empty state).
VipState read_state(const std::string& file);

/// Writes a new file beside it, syncs, renames: an old or a new state, never half. Does nothing
/// when the content is the same.
/// @throws std::system_error (read-only, no space): the caller says so and goes on.
void write_state(const std::string& file, const VipState& state);

}  // namespace meshgate::dns::zone
