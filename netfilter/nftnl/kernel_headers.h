#pragma once

#include <cstdint>

// The kernel's netfilter headers. <netinet/in.h> has to come before them, else both define
// struct in_addr.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace meshgate::netfilter {

/// NFT_TABLE_F_PERSIST of Linux 6.9, which the headers of Debian 12 do not have, nor the next.
inline constexpr std::uint32_t table_persists = 4;
/// NFTA_SET_COUNT of Linux 6.17.
inline constexpr std::uint16_t set_count_attribute = 20;

}  // namespace meshgate::netfilter
