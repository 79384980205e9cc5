#pragma once

#include "netfilter/iptables/table_words.h"
#include "netfilter/ruleset/ruleset.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// A ruleset in the words of iptables-restore(8).
///
/// The base chains become chains MESHGATE_* of the tables raw, mangle and nat, to which the
/// built-in chains jump. Two things cannot be said there as nft says them:
/// - The priority of a base chain. A chain that comes before the iptables table of its hook is
///   jumped to first of all, any other one last: capture of outbound traffic before, inbound after
///   what other programs of the same table translate, as far as they do not insert later.
/// - Sets. A rule is written once for each element, ports by fifteen.
namespace meshgate::netfilter {

/// iptables has no words for it.
class Inexpressible : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a family needs, tables in the order raw, mangle, nat; none that would be empty.
/// @param loopback  name of the loopback device: iptables cannot ask for its type.
/// @param prefix    what the names of the chains begin with
/// @throws Inexpressible for a priority where no table is, a comment, prefix or name that is too
///         long, and above 100,000 rules in a chain.
std::vector<TableWords> iptables_words(const Ruleset& ruleset, Family family,
                                       std::string_view loopback = "lo",
                                       std::string_view prefix = chain_prefix);

/// The same as `iptables-restore --noflush` or `ip6tables-restore --noflush` takes it, on a machine
/// that has nothing of it yet.
std::string to_iptables(const Ruleset& ruleset, Family family, std::string_view loopback = "lo");

/// Both, each after a line "# iptables-restore --noflush" or "# ip6tables-restore --noflush".
std::string to_iptables(const Ruleset& ruleset, std::string_view loopback = "lo");

}  // namespace meshgate::netfilter
