#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <libnftnl/rule.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::netfilter {

/// The nameless sets of a table that hold protocols, by the name that the kernel gave them.
using ProtocolSets = std::map<std::string, std::vector<Protocol>, std::less<>>;

/// The inverse of build_rule(). None when the rule has an expression, a register or a comment that
/// build_rule() would not have written.
std::optional<Rule> read_rule(const nftnl_rule& rule, const ProtocolSets& protocol_sets);

}  // namespace meshgate::netfilter
