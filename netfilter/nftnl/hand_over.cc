#include "netfilter/nftnl/link_netlink.h"
#include "netfilter/nftnl/route_request.h"
#include "src/common/errors.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace meshgate::netfilter {
namespace {

/// The word of a header that says what comes after it.
struct ProtocolWord {
    std::uint16_t ether_type;
    int offset;  ///< bytes into the header
    int shift;   ///< bits that it is from the word's lowest
};
constexpr std::array protocol_words{ProtocolWord{ETH_P_IP, 8, 16}, ProtocolWord{ETH_P_IPV6, 4, 8}};

/// tc_u32_sel, and after it one tc_u32_key.
using Selector = std::array<std::byte, sizeof(tc_u32_sel) + sizeof(tc_u32_key)>;

Selector selector_of(const ProtocolWord& word, std::uint32_t protocol) {
    tc_u32_sel head{};
    head.flags = TC_U32_TERMINAL;
    head.nkeys = 1;
    tc_u32_key key{};
    key.mask = htonl(std::uint32_t{0xff} << word.shift);
    key.val = htonl(protocol << word.shift);
    key.off = word.offset;
    Selector selector{};
    std::memcpy(selector.data(), &head, sizeof head);
    std::memcpy(selector.data() + sizeof head, &key, sizeof key);
    return selector;
}

void put_redirect(RouteRequest<tcmsg>& request, std::uint32_t to) {
    constexpr std::uint16_t first = 1;
    request.nest(TCA_U32_ACT, [&] {
        request.nest(first, [&] {
            request.put_text(TCA_ACT_KIND, "mirred");
            request.nest(TCA_ACT_OPTIONS, [&] {
                tc_mirred redirect{};
                redirect.action = TC_ACT_STOLEN;
                redirect.eaction = TCA_INGRESS_REDIR;
                redirect.ifindex = to;
                request.put_bytes(TCA_MIRRED_PARMS, redirect);
            });
        });
    });
}

}  // namespace

int LinkNetlink::hand_over(const std::string& from, const std::string& to) {
    const auto index = ::if_nametoindex(from.c_str()), target = ::if_nametoindex(to.c_str());
    if (index == 0 || target == 0) return ENODEV;
    constexpr std::uint32_t ingress = TC_H_MAJ(TC_H_INGRESS);
    RouteRequest<tcmsg> queue{RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL};
    queue->tcm_ifindex = static_cast<int>(index);
    queue->tcm_parent = TC_H_INGRESS;
    queue->tcm_handle = ingress;
    queue.put_text(TCA_KIND, "ingress");
    if (const int error = netlink_.ask(queue.message()).error; error != 0) return error;
    std::uint32_t priority = 0;
    for (const auto& word : protocol_words) {
        for (const std::uint32_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
            RouteRequest<tcmsg> filter{RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL};
            filter->tcm_ifindex = static_cast<int>(index);
            filter->tcm_parent = ingress;
            filter->tcm_info = (++priority << 16) | htons(word.ether_type);
            filter.put_text(TCA_KIND, "u32");
            filter.nest(TCA_OPTIONS, [&] {
                filter.put_bytes(TCA_U32_SEL, selector_of(word, protocol));
                put_redirect(filter, target);
            });
            if (const int error = netlink_.ask(filter.message()).error; error != 0) return error;
        }
    }
    return 0;
}

}  // namespace meshgate::netfilter
