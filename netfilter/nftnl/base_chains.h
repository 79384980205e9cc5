#pragma once

#include "conf/address.h"
#include "netfilter/ruleset/ruleset.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// A base chain of whoever's, on a hook that ours are on too.
struct SeenChain {
    std::string family;  ///< "inet", "ip", "ip6"
    std::string table;
    std::string name;
    std::string type;  ///< "nat", "filter", "route"
    Hook hook = Hook::output;
    int priority = 0;
    bool translates = false;  ///< a rule of its table does NAT or redirects
    bool drops = false;       ///< a rule of its table drops or rejects

    [[nodiscard]] bool sees(Family packet) const noexcept {
        return family == "inet" || (family == "ip") == (packet == Family::ipv4);
    }
};

/// Every base chain of prerouting and output in this network namespace, by hook, then by priority.
/// The rules of others are not evaluated: a rule that would drop may never be reached.
/// @throws std::system_error
std::vector<SeenChain> base_chains();

/// Whether a chain whose name begins with one of these is in a table of that family, base chain or
/// not. False on a kernel without nf_tables.
bool has_chain_named(Family family, std::span<const std::string_view> prefixes);

}  // namespace meshgate::netfilter
