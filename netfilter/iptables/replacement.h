#pragma once

#include "netfilter/iptables/table_words.h"
#include "netfilter/ruleset/counters.h"

#include <string>
#include <vector>

namespace meshgate::netfilter {

/// What `iptables-restore --noflush` takes to make `after` of `before`, and nothing of anybody
/// else's: each table is one transaction of its own, in which our jumps, rules and chains of before
/// go and those of after come. Tables in the order raw, mangle, nat, or nat first when nothing is
/// to be left. Empty when there is nothing to do.
std::string replacement_text(const std::vector<TableWords>& before,
                             const std::vector<TableWords>& after);

/// The same with what was counted before: the first rule of each cause begins there, for
/// `--counters`.
std::string with_counts(std::string_view text, const Counters& counted);

}  // namespace meshgate::netfilter
