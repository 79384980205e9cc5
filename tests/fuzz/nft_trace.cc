// A trace comes from the kernel, and its bytes in part from the network and from whoever makes rules:
// reading it stays within its length.

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/trace_event.h"

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace meshgate::netfilter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t most = 1 << 16;
    if (size > most) return 0;
    std::vector<std::uint8_t> bytes(NLMSG_HDRLEN + size);
    auto& header = *reinterpret_cast<nlmsghdr*>(bytes.data());
    header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
    header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE;
    if (size != 0) std::memcpy(bytes.data() + NLMSG_HDRLEN, data, size);
    const auto event = parse_trace(header);
    if (event && (event->table.empty() || event->family.empty())) std::abort();
    return 0;
}
