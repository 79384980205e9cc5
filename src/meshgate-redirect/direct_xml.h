#pragma once

#include "netfilter/iptables/table_words.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// firewalld's own copy of rules of iptables, which it loads whenever it loads its own
/// (firewalld.direct(5)). Pure: text to text.
namespace meshgate::redirect {

/// What stands in it of ours.
struct DirectRules {
    std::vector<netfilter::TableWords> ipv4, ipv6;
};

/// `xml` with exactly these of ours, each rule of a chain with a priority of its own, in order; all
/// else in it is kept as it is written. An empty text is a file that is not there.
/// @throws std::runtime_error when it is no XML of firewalld's, with the place.
std::string with_direct_rules(std::string_view xml, const DirectRules& rules);

/// `xml` without our chains and rules.
std::string without_direct_rules(std::string_view xml);

/// `xml` without chains whose names begin so, their rules and what leads to them.
std::string without_chains_of_others(std::string_view xml,
                                     std::span<const std::string_view> prefixes);

}  // namespace meshgate::redirect
