#pragma once

#include "netfilter/nftnl/events.h"
#include "netfilter/nftnl/netlink.h"

#include <string>
#include <vector>

namespace meshgate::netfilter {

/// Says whether tables stayed what they were, while others may change as often as they like: the
/// generation of nf_tables is one for all tables, so it says nothing of a single one. The kernel
/// tells of each object that a transaction changes before it takes the next transaction
/// (nf_tables_commit()), and an empty one waits for those before it: what it did not tell by then
/// has not happened.
class TableWatch {
public:
    /// From now on. @param tables  of family inet
    /// @throws std::system_error
    TableWatch(Netlink& netlink, std::vector<std::string> tables);

    /// None of the tables was made, changed or removed from the beginning up to this call. False
    /// too when some news was lost.
    /// @throws std::system_error
    bool is_unchanged();

    /// Takes what the kernel has told: its queue is bounded. For whoever is busy for long.
    void listen();

private:
    Netlink& netlink_;
    RulesetEvents events_;
    bool is_unchanged_ = true;
};

}  // namespace meshgate::netfilter
