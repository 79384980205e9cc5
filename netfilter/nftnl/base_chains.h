#pragma once

#include "conf/address.h"
#include "netfilter/ruleset/ruleset.h"

#include <optional>
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

using IsOurs = bool (*)(std::string_view chain) noexcept;

/// Every base chain of prerouting and output in this network namespace, by hook, then by priority.
/// The rules of others are not evaluated: a rule that would drop may never be reached.
/// @param is_ours  of which chains, in tables shared with others, the rules do not count
/// @throws std::system_error
std::vector<SeenChain> base_chains(IsOurs is_ours = nullptr);

/// A chain of whoever's, base chain or not.
struct ChainName {
    std::string family;  ///< "inet", "ip", "ip6"
    std::string table;
    std::string name;

    [[nodiscard]] bool is_of(Family of) const noexcept {
        return family == (of == Family::ipv4 ? "ip" : "ip6");
    }
};

/// Tables of iptables-nft have rules: those of families ip and ip6 with the names that it uses.
/// @throws std::system_error
bool iptables_nft_has_rules();

/// All chains of this network namespace. None on a kernel without nf_tables.
std::vector<ChainName> chain_names();

}  // namespace meshgate::netfilter
