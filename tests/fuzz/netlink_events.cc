// What the kernel tells of changes, from any bytes: the messages of one datagram.
#include "netfilter/nftnl/events.h"

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace meshgate::netfilter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 65536) return 0;
    std::vector<nlmsghdr> aligned(size / sizeof(nlmsghdr) + 1);
    std::memcpy(aligned.data(), data, size);
    ChangeReader reader{{"meshgate", "meshgate-bridge"}};
    RoutingChange routing;
    auto rest = static_cast<int>(size);
    const nlmsghdr* message = aligned.data();
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
        const auto change = reader.feed(*message);
        if (change && change->is_removal && !change->touches_ours) std::abort();
        read_routing_message(*message, routing);
    }
    if (routing.ours_is_gone && !routing.anything) std::abort();
    return 0;
}
