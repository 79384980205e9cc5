#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <stdexcept>
#include <string>
#include <string_view>

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

/// What `iptables-restore --noflush` or `ip6tables-restore --noflush` takes, tables in the order
/// raw, mangle, nat; empty when there is nothing for that family.
/// @param loopback  name of the loopback device: iptables cannot ask for its type.
/// @throws Inexpressible for a priority where no table is, a comment, prefix or name that is too
///         long, and above 100,000 rules in a chain.
std::string to_iptables(const Ruleset& ruleset, Family family, std::string_view loopback = "lo");

/// Both, each after a line "# iptables-restore --noflush" or "# ip6tables-restore --noflush".
std::string to_iptables(const Ruleset& ruleset, std::string_view loopback = "lo");

}  // namespace meshgate::netfilter
