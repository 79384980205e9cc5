// A message of ctnetlink comes from the kernel, and its bytes in part from the network: reading it
// stays within its length, and what is read as an entry can be asked for.

#include "netfilter/conntrack/attributes.h"
#include "netfilter/conntrack/kernel_headers.h"
#include "netfilter/conntrack/messages.h"
#include "netfilter/conntrack/statistics.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace meshgate::netfilter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t most = 1 << 16;
    if (size > most) return 0;
    // The header is what netlink's reader has checked; the rest is the input.
    std::vector<std::uint8_t> bytes(NLMSG_HDRLEN + size);
    auto& header = *reinterpret_cast<nlmsghdr*>(bytes.data());
    header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
    header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    if (size != 0) std::memcpy(bytes.data() + NLMSG_HDRLEN, data, size);
    header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU;
    ConntrackStatistics statistics;
    add_statistics(header, statistics);
    header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    const auto read = parse_connection(header);
    if (!read) return 0;
    if (read->original.source.family() != read->reply.destination.family()) std::abort();
    if (removal_of(*read).header().nlmsg_len > 512) std::abort();
    if (entry_for(*read).header().nlmsg_len > 512) std::abort();
    return 0;
}
