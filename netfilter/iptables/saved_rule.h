#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// The words of a line as iptables-restore(8) splits it: at blanks, "..." being one word in which a
/// backslash takes the next character as it is. None when a quote is left open.
std::optional<std::vector<std::string>> split_iptables_line(std::string_view line);

/// A rule of ours, as iptables-save prints it or we do.
struct SavedRule {
    Rule rule;              ///< with its matches in one order, whatever theirs was
    bool is_log = false;    ///< logs with rule.log_prefix and goes on: belongs to the next rule
    std::vector<Set> sets;  ///< that the matches refer to: more ports or users than one
};

/// What a line says, less its first two words (`-A CHAIN`). None when there is anything in it that
/// we never write.
/// @param loopback  name of the loopback device
/// @param set_name  for the sets; an 's' or a 'g' may be added
std::optional<SavedRule> parse_saved_rule(const std::vector<std::string>& words, Family family,
                                          std::string_view loopback, const std::string& set_name);

/// "MESHGATE_DNS_ZONE" is "dns_zone".
std::string chain_of_model(std::string_view chain);

}  // namespace meshgate::netfilter
