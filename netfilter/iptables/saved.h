#pragma once

#include "netfilter/iptables/table_words.h"
#include "netfilter/ruleset/counters.h"
#include "netfilter/ruleset/installed.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Our part of what iptables-save(8) prints, read back: verbatim, for it to be removed or put back
/// exactly, and as the model has it, for it to be compared and explained. Whatever else is there is
/// passed over; whoever may change rules may have written anything.
namespace meshgate::netfilter {

/// One family.
struct SavedRules {
    std::vector<TableWords> tables;  ///< only those with something of ours
    std::vector<Set> sets;
    std::vector<Chain> chains;         ///< their rules begin with a MatchFamily
    std::vector<Ownership> marks;      ///< one for each table that has one
    Counters counters;                 ///< by cause, what its rules have counted
    std::vector<std::string> unknown;  ///< a line for each thing that is not as we write it
};

/// @param text      with the counters of the rules (`-c`), or without
/// @param loopback  name of the loopback device
SavedRules read_saved(std::string_view text, Family family, std::string_view loopback);

/// Both families as one ruleset; none when there is nothing of ours. Never foreign: the names of
/// the chains are ours. Without a mark, or with marks of several installs, that is in `unknown`.
std::optional<Installed> installed_of(const SavedRules& ipv4, const SavedRules& ipv6);

/// `ruleset` as it reads back once it is installed through iptables: multiplied out.
/// @param has_ipv6  else its rules are left out, for want of a place
/// @throws Inexpressible
Ruleset iptables_form(const Ruleset& ruleset, std::string_view loopback, bool has_ipv6 = true);

/// The mark of what is ours, in a chain that no packet sees.
void add_mark(std::vector<TableWords>& tables, const Ownership& ownership);

}  // namespace meshgate::netfilter
