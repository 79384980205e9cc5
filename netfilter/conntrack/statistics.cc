#include "netfilter/conntrack/statistics.h"

#include "netfilter/conntrack/kernel_headers.h"
#include "netfilter/conntrack/messages.h"
#include "netfilter/nftnl/netlink.h"

#include <arpa/inet.h>

#include <cstring>

namespace meshgate::netfilter {
namespace {

std::uint32_t number_in(const nlattr& attribute) {
    std::uint32_t number = 0;
    if (attribute.nla_len != NLA_HDRLEN + sizeof number) return 0;
    std::memcpy(&number, reinterpret_cast<const char*>(&attribute) + NLA_HDRLEN, sizeof number);
    return ntohl(number);
}

}  // namespace

void add_statistics(const nlmsghdr& message, ConntrackStatistics& statistics) {
    constexpr std::uint16_t wanted = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU;
    if (message.nlmsg_type != wanted || message.nlmsg_len < NLMSG_LENGTH(sizeof(nfgenmsg))) return;
    for_each_attribute(message, sizeof(nfgenmsg), [&statistics](const nlattr& attribute) {
        switch (attribute.nla_type & NLA_TYPE_MASK) {
        case CTA_STATS_INSERT_FAILED:
            statistics.insert_failed += number_in(attribute);
            break;
        case CTA_STATS_DROP:
            statistics.drop += number_in(attribute);
            break;
        case CTA_STATS_EARLY_DROP:
            statistics.early_drop += number_in(attribute);
            break;
        default:
            break;
        }
    });
}

ConntrackStatistics conntrack_statistics() {
    ConntrackStatistics statistics;
    Netlink netlink{NETLINK_NETFILTER};
    ConntrackMessage request{IPCTNL_MSG_CT_GET_STATS_CPU, AF_UNSPEC};
    static_cast<void>(netlink.dump(request.header(), [&statistics](const nlmsghdr& message) {
        add_statistics(message, statistics);
    }));
    return statistics;
}

}  // namespace meshgate::netfilter
