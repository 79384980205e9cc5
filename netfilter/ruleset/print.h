#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <string>
#include <vector>

namespace meshgate::netfilter {

/// nft text that `nft -f` takes: `table inet meshgate` with `add`+`delete` before it, so that
/// loading it replaces. Ends in a newline.
std::string to_nft(const Ruleset& ruleset);

/// libnftables JSON (schema 1) with the same effect, for `nft -j -f`.
std::string to_nft_json(const Ruleset& ruleset);

/// One line a set element, chain or rule in nft words, prefixed by its chain ("output tcp dport 22
/// return"): what `diff` compares.
std::vector<std::string> to_lines(const Ruleset& ruleset);

/// One rule in nft words, without its comment.
std::string to_nft(const Rule& rule);

/// 64 hexadecimal digits over the canonical text of the ruleset: equal if and only if the planned
/// rulesets are equal, but for the elements of sets that are followed (is_followed()) and of maps:
/// those change while the rules are in force (another name server, a VIP more, an endpoint that is
/// down), and the mark of their origin does not.
std::string digest(const Ruleset& ruleset);

}  // namespace meshgate::netfilter
