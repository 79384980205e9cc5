#pragma once

#include "src/meshgate-dns/coredns/plan.h"

#include <functional>
#include <span>

namespace meshgate::coredns {

/// A block with one of its zones.
struct ZoneOf {
    std::string zone;  ///< as ServerBlock::Key's
    const conf::corefile::ServerBlock* block = nullptr;
};

/// Whether a name is a zone or lies below it; both without trailing dot, "" is the root.
bool is_within(std::string_view name, std::string_view zone);

/// Which servers are asked for which names: those of the first `forward` of a block that is for the
/// name. A name that is for none has a group without servers.
/// @param zones  of one port, from the longest to the shortest.
/// @return from the shortest suffix to the longest.
std::vector<dnsd::UpstreamGroup> make_groups(std::span<const ZoneOf> zones);

}  // namespace meshgate::coredns
