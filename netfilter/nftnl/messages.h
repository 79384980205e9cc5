#pragma once

#include "netfilter/nftnl/batch.h"
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
    const Ownership* ownership = nullptr;  ///< null: the table does not say whose it is
    const Counters* counted = nullptr;     ///< what its counters start at; null: at 0
};

/// Everything of `ruleset` as a new table: the table itself, the counters, the sets with their
/// elements, the chains, then the rules.
/// @pre `ruleset` and the name outlive the batch, which names its objects in errors.
void append_ruleset(Batch& batch, const Ruleset& ruleset, const TableOptions& options);

/// Gives a table what its bridge counted in its place; not what is 0.
/// @pre it has no earlier counts, and `counted` outlives the batch.
void append_earlier_counts(Batch& batch, std::string_view table, const Counters& counted);

/// Unhooks the chains of a table: it does nothing, and its counters stand still.
void append_sleep(Batch& batch, std::string_view table);

/// Hooks the chains of a dormant table in.
void append_waking(Batch& batch, std::string_view table);

/// Removes the table with all that is in it.
void append_removal(Batch& batch, std::string_view table);

}  // namespace meshgate::netfilter
