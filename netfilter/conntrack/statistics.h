#pragma once

#include <cstdint>

struct nlmsghdr;

namespace meshgate::netfilter {

/// What conntrack could not do, since the network namespace was made, of all processors together.
struct ConntrackStatistics {
    std::uint64_t insert_failed = 0;  ///< another connection had the tuple: the packet was dropped
    std::uint64_t drop = 0;           ///< both of that and of a full table: the packet was dropped
    std::uint64_t early_drop = 0;     ///< the table was full: another connection was put out

    /// How often the table was full and nobody could be put out: a clash counts as a drop, too
    /// (nf_ct_resolve_clash() in net/netfilter/nf_conntrack_core.c).
    [[nodiscard]] std::uint64_t refused() const noexcept {
        return drop > insert_failed ? drop - insert_failed : 0;
    }
};

/// Adds what a message of one processor says (IPCTNL_MSG_CT_GET_STATS_CPU).
void add_statistics(const nlmsghdr& message, ConntrackStatistics& statistics);

/// @throws std::system_error as Conntrack's members do
ConntrackStatistics conntrack_statistics();

}  // namespace meshgate::netfilter
