#pragma once

#include "netfilter/conntrack/connection.h"
#include "netfilter/nftnl/netlink.h"

#include <functional>
#include <optional>
#include <vector>

namespace meshgate::netfilter {

/// The connections that the kernel keeps track of in the network namespace that this object was
/// made in, by ctnetlink. All members throw std::system_error: EPERM without CAP_NET_ADMIN; where
/// the kernel has no ctnetlink (CONFIG_NF_CT_NETLINK), is_missing() of the error's number.
class Conntrack {
public:
    Conntrack();

    /// The connections over TCP and UDP, of both families, that `wanted` takes, in no order. One
    /// that changes meanwhile may be in it twice; at most max_read of them.
    std::vector<Connection> read(const std::function<bool(const Connection&)>& wanted);
    static constexpr std::size_t max_read = std::size_t{1} << 20;

    /// The entry of this original tuple, with the zone that its direction has (`original.zone`).
    std::optional<Connection> find(conf::Protocol protocol, const Tuple& original);

    /// Removes exactly this entry. @return false when it is gone, whoever has its tuple now.
    bool remove(const Connection& connection);

    /// Makes an entry of this original tuple, answered, established and not translated. @return
    /// false when one of its packets belongs to an entry already, which then stays as it is.
    bool add(const Connection& connection);

    static bool is_missing(int error) noexcept;

private:
    Netlink netlink_;
};

}  // namespace meshgate::netfilter
