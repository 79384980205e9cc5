#pragma once

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/held.h"
#include "netfilter/ruleset/counters.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <string_view>

namespace meshgate::netfilter {

enum class TableState : std::uint8_t {
    active,
    dormant  ///< its chains are not hooked in (NFT_TABLE_F_DORMANT)
};

struct TableOptions {
    std::string_view table;
    TableState state = TableState::active;
    Held held = Held::no;
    const Ownership* ownership = nullptr;  ///< null: the table does not say whose it is
    const Counters* counted = nullptr;     ///< what its counters start at; null: at 0
};

/// Everything of `ruleset` as a new table: the table itself, the counters, the sets with their
/// elements, the chains, then the rules.
/// @pre `ruleset` and the name outlive the batch, which names its objects in errors.
void append_ruleset(Batch& batch, const Ruleset& ruleset, const TableOptions& options);

/// One more chain, with its rules, of a table that is there.
/// @pre they outlive the batch
void append_chain(Batch& batch, std::string_view table, const Chain& chain);

/// Gives a table what its bridge counted in its place; not what is 0.
/// @pre it has no earlier counts, and `counted` outlives the batch.
void append_earlier_counts(Batch& batch, std::string_view table, const Counters& counted);

/// Unhooks the chains of a table: it does nothing, and its counters stand still.
/// @param flags  that it has; the kernel refuses it for a table that has an owner
void append_sleep(Batch& batch, std::string_view table, std::uint32_t flags);

/// Hooks the chains of a dormant table in.
void append_waking(Batch& batch, std::string_view table, Held held);
/// The same, of one that stays whose it was. @param flags  that it has
void append_waking(Batch& batch, std::string_view table, std::uint32_t flags);

/// Makes a table that its owner has left behind this socket's.
void append_claim(Batch& batch, std::string_view table);

/// Has each set of `after` hold its elements, of which it holds those of `before`. What is in both
/// stays: no packet misses it.
/// @return false when that is all they have in common, sets and maps and their names: nothing was
///         appended. Elements of maps are for update_maps().
bool append_element_changes(Batch& batch, const Ruleset& before, const Ruleset& after);

/// They have the same maps, whatever elements those have.
bool have_same_maps(const Ruleset& before, const Ruleset& after);

/// Removes the table with all that is in it.
void append_removal(Batch& batch, std::string_view table);

}  // namespace meshgate::netfilter
