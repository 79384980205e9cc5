#pragma once

#include "conf/config.h"
#include "dns/feed/kuma_document.h"
#include "dns/zone/build.h"

#include <memory>

namespace meshgate::dnsd {

/// What the feeds told last.
struct FeedNames {
    std::shared_ptr<const dns::feed::KumaDocument> kuma;  ///< null: nothing yet
};

/// As sources of the name table: for each feed that is configured what it told last, in whichever
/// families the machine's traffic is captured. A feed that has told nothing makes it incomplete.
dns::zone::Sources to_sources(const conf::Config& config, const FeedNames& names);

}  // namespace meshgate::dnsd
