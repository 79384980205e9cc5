#pragma once

#include "netfilter/nftnl/held.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"

#include <functional>
#include <string>

namespace meshgate::netfilter {

/// The table that serves while the one of our name is made anew. Only there during a replacement,
/// or after one that was killed; the next replacement or removal ends it.
std::string bridge_name(std::string_view table);

/// Puts `ruleset` in force in the place of whatever its table holds, so that every packet meets the
/// whole of the old ruleset or the whole of the new one.
///
/// A single transaction that removes a table and makes it again does not do that: the new rules
/// are in force at once, but an interval set that is new in the same transaction finds nothing
/// until the end of the commit (nf_tables_commit() calls the set's commit() last, and since Linux
/// 6.18 those of ranges publish their elements there). In that time the proxy's own traffic was
/// captured, once in some hundred replacements under load. So every table is made dormant, in a
/// transaction of its own, and woken in the transaction that removes the one before it; as two
/// tables cannot have one name, a bridge of another name serves in between.
///
/// What the old table has counted by cause goes on in the new one. The bridge counts from 0 while
/// it serves, and what it counted is given to the new table as counters beside those of its rules
/// (earlier_counter()). A table is put to sleep before it is taken away: what it counted is read
/// when it counts no more.
///
/// When only elements of its maps differ from what is in force, these alone are sent
/// (netfilter/nftnl/element_update.h).
///
/// Each transaction is for the generation in which its conditions were looked at: two programs
/// that replace at the same time take turns.
/// @param before_first  called when no table was in force before, and the new one is there,
/// dormant:
///                      its expressions have switched conntrack on (nf_ct_netns_get())
/// @throws KernelError; the old ruleset is in force then.
/// @param held  the new table is this socket's alone
void replace_table(Netlink& netlink, const Ruleset& ruleset, const Ownership& ownership,
                   const std::function<void()>& before_first = {}, Held held = Held::no);

}  // namespace meshgate::netfilter
