#pragma once

#include "netfilter/nftnl/route_netlink.h"
#include "netfilter/ruleset/surroundings.h"

#include <cstdint>
#include <string>
#include <vector>

namespace meshgate::netfilter {

/// Marks what is ours: RTPROT of routes (rt_protos; free for programs), IFA_PROTO of addresses.
inline constexpr std::uint8_t route_protocol = 173;

/// The addresses and routes that the capture needs beside its table, in the network namespace that
/// this object was made in. A kernel before 5.18 does not keep the protocol of an address: there
/// ::6/128 on lo is ours whoever made it.
class SurroundingsApplier {
public:
    SurroundingsApplier() = default;  ///< @throws std::system_error

    /// Makes exactly `wanted` present among what is ours.
    /// @return a line for each thing done or left out: a route that covers the range already, IPv6
    ///         off, lo down, somebody else's route of the same range.
    /// @throws std::system_error when the kernel refuses, EPERM without privilege.
    std::vector<std::string> apply(const Surroundings& wanted);

    /// Makes ::6/128 on lo ours, whoever made it. @return false when it is not there.
    /// @throws std::system_error
    bool adopt_address();

    /// What is there of ours, to come back to when an install cannot be finished.
    /// @throws std::system_error
    Surroundings ours();

    /// Removes everything of ours. @return true when there was something.
    /// @throws std::system_error
    bool remove();

    /// A line "+ ..." for what is missing, "- ..." for what is ours and not wanted; empty when all
    /// is as apply() would leave it.
    std::vector<std::string> differences(const Surroundings& wanted);

private:
    struct Found {
        bool address_present = false;  ///< ::6/128 on lo, whoever made it
        bool address_ours = false;
        std::vector<Route> routes;  ///< ours
    };
    Found find();
    void remove_address();
    void remove_route(const Route& route);
    /// The network of somebody's route that covers the whole range; empty when there is none.
    std::string covering_route(const Cidr& range);
    void add_address(std::vector<std::string>& lines);
    void add_route(const Cidr& range, bool with_source, std::vector<std::string>& lines);
    /// Whether a route of that range has a loopback source (Surroundings::translated).
    bool wants_source(const Surroundings& wanted, const Cidr& range);

    RouteNetlink netlink_;
};

}  // namespace meshgate::netfilter
