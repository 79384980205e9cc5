#pragma once

#include "conf/config.h"
#include "dns/zone/build.h"
#include "src/meshgate-dns/feed_names.h"
#include "src/meshgate-dns/hosts_files.h"

#include <memory>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// What feeds told and hosts files have, in the order in which they count.
/// @throws what HostsFiles::read() does.
dns::zone::Sources all_sources(const conf::Config& config, const FeedNames& told, HostsFiles& hosts,
                               std::vector<std::string>& warnings);

/// A table, and what has become of what it was made of.
struct Rebuild {
    conf::Config config;
    std::shared_ptr<const dns::zone::Contents> contents;
    std::shared_ptr<const dns::zone::Table> table;  ///< as it is
    FeedNames had;                                  ///< what is in it of feeds
    FeedNames told;                                 ///< and what is to be
    std::shared_ptr<HostsFiles> hosts;
};

/// The table with what has changed: with a few names more at the cost of these, else made anew.
/// @return the same one when nothing has changed.
/// @throws what HostsFiles::read() and dns::zone::build() do.
std::shared_ptr<const dns::zone::Table> rebuild(const Rebuild& from,
                                                std::vector<std::string>& warnings);

}  // namespace meshgate::dnsd
