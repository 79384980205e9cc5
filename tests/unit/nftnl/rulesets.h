#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <string>
#include <vector>

namespace meshgate::netfilter::test {

struct NamedRuleset {
    std::string name;
    Ruleset ruleset;
};

/// The ruleset whose rules match a family and then an address of it.
inline constexpr const char* said_twice = "a family said twice";

/// Rulesets that together have every kind of set, match, statement and chain, at their limits.
std::vector<NamedRuleset> every_kind();

/// One set of `count` ports of their own: 1, 3, 5, ...
Ruleset many_ports(std::size_t count);

Cidr network(const std::string& text);

}  // namespace meshgate::netfilter::test
