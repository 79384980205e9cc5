#pragma once

#include "conf/load.h"
#include "dns/zone/table.h"
#include "src/meshgate-dns/catalogue.h"
#include "src/meshgate-dns/feed_names.h"
#include "src/meshgate-dns/hosts_files.h"
#include "src/vips/state_lock.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// A configuration made ready to be served from.
struct Configuration {
    conf::Config config;  ///< without its services and records
    dns::zone::VipState vips;
    std::uint64_t resources_signature = 0;            ///< of the folder when it was read
    std::shared_ptr<const StateLock> state_lock;      ///< null until keep_state() has it
    std::shared_ptr<const dns::zone::Table> table;    ///< shared with the workers, see Worker
    std::shared_ptr<const dns::zone::Table> special;  ///< as `table`; dns/zone/special_names.h
    /// What the table is made of, kept to make the next one when a feed or a hosts file changes;
    /// null without any.
    std::shared_ptr<const dns::zone::Contents> contents;
    FeedNames told;                     ///< that the table has
    std::shared_ptr<HostsFiles> hosts;  ///< as the table has them; for one job at a time
    std::vector<std::string> warnings;
};

/// @param kept the addresses the services had. @param told by the feeds so far.
/// @param hosts_before  of the configuration that is served now, as for HostsFiles.
/// @throws conf::Error for names that contradict each other; what HostsFiles::read() does.
Configuration make_configuration(conf::Loaded loaded, const dns::zone::VipState& kept,
                                 const FeedNames& told = {},
                                 const HostsFiles* hosts_before = nullptr);

/// Loads it again, as the server was started. The addresses that are being served are kept whatever
/// has become of the state file.
/// @throws conf::Error; also for a configuration that came from standard input.
Configuration load_again(const std::optional<std::string>& file, const dns::zone::VipState& served,
                         const FeedNames& told, const HostsFiles* hosts_before);

/// Writes the state file, if no other server keeps it; what goes wrong is a line in `warnings`.
/// @param before  of the configuration that is served now: the lock goes on.
void keep_state(Configuration& configuration, std::shared_ptr<const StateLock> before = nullptr);

/// To the system, what reading a configuration took and left free: many times what is kept of it.
void give_memory_back() noexcept;

/// What `now` changed that only a restart can apply, as key names: listen, user and admin.
std::vector<std::string> needs_restart(const conf::Config& started, const conf::Config& now);

}  // namespace meshgate::dnsd
