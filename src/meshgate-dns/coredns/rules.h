#pragma once

#include "src/meshgate-dns/coredns/routes.h"

namespace meshgate::coredns {

/// What the question alone decides: names of no zone and classes of no block (REFUSED), templates,
/// and names that `hosts` keeps from what stands behind it (SERVFAIL, as there is no SOA to deny
/// them with).
/// @param zones  of one port, from the longest to the shortest.
/// @throws conf::Error for a type that does not exist.
dns::server::FixedAnswers make_rules(std::span<const ZoneOf> zones);

}  // namespace meshgate::coredns
