#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <vector>

/// Lists as people write them, into the one form that a Set holds: sorted, disjoint, and as few
/// elements as possible, so that equal sets are equal element by element.
namespace meshgate::netfilter {

PortElements merged(std::vector<PortRange> ports);
UidElements merged(std::vector<UidRange> users);
GidElements merged(std::vector<GidRange> groups);
MarkElements merged(std::vector<Mark> marks);

/// Neighbours become their parent: 10.0.0.0/9 and 10.128.0.0/9 are 10.0.0.0/8.
std::vector<Cidr> merged(std::vector<Cidr> networks);

}  // namespace meshgate::netfilter
