#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// One rule of iptables' for each way in which the matches of a nft rule can hold.
struct Alternatives {
    /// Words with a space after them: "-p tcp --dport 53 ". No two hold for one packet, so whatever
    /// the rule does is done once. Empty when none can hold.
    std::vector<std::string> matches{""};
    /// Networks that the packet must not come from or go to, which are too many for one `!`:
    /// "-d 10.0.0.0/8 ".
    std::vector<std::string> excluded;
};

/// @throws Inexpressible above 100,000 alternatives.
/// @throws std::out_of_range for a set that is not in the ruleset.
Alternatives alternatives_of(const Rule& rule, const Ruleset& ruleset, Family family,
                             std::string_view loopback);

/// iptables has no maps: whoever asks for these rules has been told before.
[[noreturn]] void throw_no_vips();

}  // namespace meshgate::netfilter
