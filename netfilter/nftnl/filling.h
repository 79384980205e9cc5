#pragma once

#include "netfilter/nftnl/netlink.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstddef>
#include <string>

/// Maps with more elements than one transaction should have: with a listener anywhere on the machine
/// (`nft monitor`, a guard), the kernel keeps 8 KiB for each element of a transaction until its end
/// (nf_tables_setelem_notify()). A table that sleeps can be filled by many.
namespace meshgate::netfilter {

/// Its maps have more elements than that.
bool has_many_elements(const Ruleset& ruleset);

/// The same ruleset with the first elements of each of its maps, so many at most.
Ruleset with_few_elements(const Ruleset& ruleset, std::size_t most);

/// Puts the elements of the maps of `ruleset` into those of the table `name`, which has none of them.
/// @throws KernelError, std::system_error; some may be there then
void fill_maps(Netlink& netlink, const std::string& name, const Ruleset& ruleset);

}  // namespace meshgate::netfilter
