#pragma once

#include "netfilter/ruleset/ruleset.h"
#include "src/meshgate-redirect/capture.h"

#include <chrono>
#include <optional>
#include <string>

/// The slow uninstall: the rules go at once, what they have translated keeps its translation until
/// it ends, or for a time.
namespace meshgate::redirect {

/// The table that serves meanwhile: it redirects nothing. The kernel translates the packets of
/// established connections as long as a chain of NAT is hooked in (net/netfilter/nf_nat_core.c,
/// nf_nat_unregister_fn()), and tracks them as long as some rule has a use for it
/// (nf_ct_netns_put()); here rules in a chain that nothing jumps to, which also say whither, and
/// until when. Packets that conntrack finds invalid are dropped still, where they were: they would
/// reset the connections that are spared. A zone is not needed: the answers to questions under way
/// are looked up without one, and the next question goes direct.
netfilter::Ruleset draining_ruleset(const netfilter::Ruleset& installed,
                                    std::chrono::system_clock::time_point until);

/// "draining until 2026-11-23T13:40:00Z ..." when it is such a table.
std::optional<std::string> draining_line(const netfilter::Ruleset& installed);

struct Drain {
    std::chrono::seconds at_most{0};
    bool flush_connections = false;  ///< end those that are left then
};

/// Takes everything away, once nothing needs it any more or the time is over. SIGINT, SIGTERM and
/// SIGHUP end it early. When somebody installs meanwhile, that installation stays. Where nf_tables
/// cannot hold the table for it, everything goes at once, with a warning.
/// @pre capture.installed(), and there is no foreign table
/// @throws netfilter::KernelError, std::system_error
void drain(Capture& capture, const Drain& wanted);

}  // namespace meshgate::redirect
