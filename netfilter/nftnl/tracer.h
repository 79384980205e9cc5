#pragma once

#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/trace_event.h"
#include "src/common/unique_fd.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::netfilter {

inline constexpr const char* trace_table = "meshgate-trace";

/// Has the kernel tell the way of one packet through everybody's rules: of those of this protocol
/// from and to these addresses and ports; of TCP the first. For that it has a table of its own, which is no
/// longer there when this object is not, nor when the process is killed: the kernel removes a
/// table with its owner (NFT_TABLE_F_OWNER, Linux 5.12).
class PacketTracer {
public:
    /// @throws KernelError, std::system_error: EPERM without CAP_NET_ADMIN
    explicit PacketTracer(const TracedPacket& flow);
    PacketTracer(const PacketTracer&) = delete;
    PacketTracer& operator=(const PacketTracer&) = delete;
    ~PacketTracer();

    [[nodiscard]] int descriptor() const noexcept { return events_.get(); }

    /// What has been told since the last call, of that packet only.
    std::vector<TraceEvent> take();

private:
    void listen();
    void mark(const TracedPacket& flow, bool owned);
    bool is_of_packet(const TraceEvent& event);

    UniqueFd events_;
    Netlink table_;  ///< its socket owns the table
    bool owned_ = true;
    std::vector<std::uint32_t> ids_;  ///< under which the packet goes
};

}  // namespace meshgate::netfilter
