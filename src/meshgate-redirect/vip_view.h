#pragma once

#include "conf/address.h"
#include "netfilter/plan/vips.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The virtual addresses that the kernel translates, as they are at the moment: for `status`.
namespace meshgate::redirect {

/// One endpoint of one port of a VIP.
struct EndpointView {
    conf::SocketAddress endpoint;
    std::size_t slots = 0;        ///< of all: its share of new connections; 0: it is taken out
    std::optional<std::size_t> connections = {};  ///< open ones; none: not known
    std::optional<std::uint64_t> bytes = {};  ///< of these; none where the kernel does not count
};

/// One port of one VIP.
struct VipView {
    std::string service;  ///< empty: there is no configuration that says it
    conf::SocketAddress address;
    conf::Protocol protocol = conf::Protocol::tcp;
    conf::Balance balance = conf::Balance::random;
    std::size_t slots = 0;
    std::vector<EndpointView> endpoints;
};

/// Those of `installed`, in the order of their addresses, without their connections.
/// @param services  of the configuration; what they have beside is told as taken out
std::vector<VipView> view_vips(const netfilter::Ruleset& installed,
                               const std::vector<netfilter::VipService>& services);

/// Adds the connections, in one look at those of the kernel; none where it does not tell of them.
void add_connections(std::vector<VipView>& vips);

/// A table for people, with the first of them, and how many more there are; empty when none.
std::string vips_table(const std::vector<VipView>& vips);
/// A JSON array.
std::string vips_json(const std::vector<VipView>& vips);

/// Ports that a table and a JSON array have at most. @{
inline constexpr std::size_t vips_in_table = 50;
inline constexpr std::size_t vips_in_json = 10'000;
/// @}

}  // namespace meshgate::redirect
