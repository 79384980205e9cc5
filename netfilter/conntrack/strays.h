#pragma once

#include "netfilter/conntrack/connection.h"
#include "netfilter/ruleset/ruleset.h"

#include <span>
#include <vector>

namespace meshgate::netfilter {

/// Connections of VIPs that a ruleset translates which go where it would take no new one: to an
/// endpoint that was removed, or died. conntrack takes the datagrams of a client there for as long as
/// they come, and a new connection from a port that it still remembers. Pure.
class Strays {
public:
    /// @param rules  outlives this
    explicit Strays(const Ruleset& rules);

    /// There are VIPs: without one nothing strays.
    [[nodiscard]] bool has_vips() const noexcept { return !addresses_.empty(); }

    /// Never one of TCP that is open and was answered: that goes on.
    [[nodiscard]] bool contains(const Connection& connection) const;

private:
    [[nodiscard]] std::span<const VipSlot> slots(conf::Protocol protocol,
                                                 const Tuple& original) const;
    [[nodiscard]] bool is_vip(const conf::IpAddress& address) const;

    const Ruleset& rules_;
    std::vector<Cidr> addresses_, proxied_;
    std::vector<Port> captured_to_;
};

}  // namespace meshgate::netfilter
