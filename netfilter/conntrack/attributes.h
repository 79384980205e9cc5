#pragma once

#include "netfilter/conntrack/connection.h"

#include <optional>

struct nlmsghdr;

namespace meshgate::netfilter {

/// The entry that a message of ctnetlink tells of (IPCTNL_MSG_CT_NEW, as dumps and events have it;
/// net/netfilter/nf_conntrack_netlink.c, ctnetlink_fill_info()). None for another message, for a
/// protocol that has no ports or is not captured (all but TCP and UDP), and for one of which
/// something is missing or of a wrong length.
std::optional<Connection> parse_connection(const nlmsghdr& message);

}  // namespace meshgate::netfilter
