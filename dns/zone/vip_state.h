#pragma once

#include "conf/address.h"
#include "conf/load.h"

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::zone {

/// An address that nobody has any more, and who had it.
struct RestingVip {
    conf::IpAddress address;
    std::chrono::sys_seconds since;

    friend bool operator==(const RestingVip&, const RestingVip&) = default;
};

/// Who has which address: what keeps VIPs stable over restarts and edits of the file.
struct VipState {
    std::map<std::string, conf::IpAddress> ipv4;
    std::map<std::string, conf::IpAddress> ipv6;  ///< native range only
    std::map<std::string, RestingVip> resting4;
    std::map<std::string, RestingVip> resting6;

    friend bool operator==(const VipState&, const VipState&) = default;
};

/// TOML text of the state file, and back. @throws conf::Error for a file that is not one.
std::string to_text(const VipState& state);
VipState parse_state(std::string_view text, std::string_view name);

/// "2026-11-24T01:02:03Z" (RFC 3339)
std::string to_text(std::chrono::sys_seconds time);

/// Missing file: empty state. A line that is none is passed over, and told in `faults` (the first
/// eight of them).
/// @throws std::system_error for a file that cannot be read, conf::Error for one over 256 MiB
VipState read_state(const std::string& file, std::vector<conf::Diagnostic>& faults);

/// There is a file, with nothing in it: nobody writes one, but a disk that lost its power may leave one.
bool is_emptied(const std::string& file);
/// What to say of it.
std::string emptied_message(const std::string& file);

/// Writes a new file beside it, syncs, renames: an old or a new state, never half. Does nothing
/// when the content is the same.
/// @throws std::system_error (read-only, no space): the caller says so and goes on.
void write_state(const std::string& file, const VipState& state);

}  // namespace meshgate::dns::zone
