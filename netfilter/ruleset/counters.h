#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What is counted, by cause: which rule decided about a packet, in words that do not change with
/// the rules. Each is a named counter object of the table (`counter captured_dns { ... }`), so that
/// it is read without listing a rule.
///
/// Chains of type nat see the first packet of a connection only, and of a UDP flow as long as
/// conntrack remembers it: there `packets` are connections and flows, and `bytes` those of their
/// first packets. Only `invalid_dropped` counts every packet.
namespace meshgate::netfilter {

namespace cause {
inline constexpr std::string_view captured_inbound = "captured_inbound";
inline constexpr std::string_view captured_outbound = "captured_outbound";
inline constexpr std::string_view captured_dns = "captured_dns";
inline constexpr std::string_view exempt_user = "exempt_user";
inline constexpr std::string_view exempt_group = "exempt_group";
inline constexpr std::string_view exempt_mark = "exempt_mark";
inline constexpr std::string_view exempt_port = "exempt_port";
inline constexpr std::string_view exempt_address = "exempt_address";
inline constexpr std::string_view exempt_local = "exempt_local";
inline constexpr std::string_view loop_prevented = "loop_prevented";
inline constexpr std::string_view invalid_dropped = "invalid_dropped";
}  // namespace cause

struct Cause {
    std::string_view name;
    std::string_view meaning;  ///< a sentence without its full stop, for whoever reads the number
};

/// All of them, in the order in which they are shown.
inline constexpr std::array<Cause, 11> causes{{
    {cause::captured_inbound, "Connections from outside, or of the proxy to its own machine, that "
                              "went to the proxy's inbound port"},
    {cause::captured_outbound, "Connections that went to the proxy's outbound port"},
    {cause::captured_dns, "DNS connections and flows that went to the mesh resolver"},
    {cause::exempt_user, "Left alone because of the user: proxy.exempt_users, "
                         "redirect.outbound.exclude"},
    {cause::exempt_group, "Left alone because of the group: proxy.exempt_groups"},
    {cause::exempt_mark, "Left alone because of the mark: proxy.exempt_marks"},
    {cause::exempt_port, "Left alone because of the port: exclude_ports, and TCP DNS that "
                         "redirect.dns does not capture"},
    {cause::exempt_address, "Left alone because of the address: exclude_destinations, "
                            "exclude_sources"},
    {cause::exempt_local, "Left alone because an application called another one of its machine"},
    {cause::loop_prevented, "Of the proxy and of resolvers: captured, they would have come back to "
                            "themselves"},
    {cause::invalid_dropped, "Packets dropped because they belong to no known connection: "
                             "redirect.drop_invalid"},
}};

/// What a counter stood at when it was read.
struct CounterValue {
    std::string name;  ///< of `causes`
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;

    friend bool operator==(const CounterValue&, const CounterValue&) = default;
};

/// In the order of `causes`; only those that an installed rule counts.
using Counters = std::vector<CounterValue>;

/// Adds up, by name.
void add_counts(const Counters& more, Counters& sums);

/// Without those that are none of `causes`.
Counters in_order_of_causes(const Counters& counters);

/// Whether a counter of that name is one of `causes`.
bool is_cause(std::string_view name) noexcept;

/// The names that these rules count into, each once, in the order of `causes`; others after them.
std::vector<std::string> used_counters(const std::vector<Chain>& chains);

}  // namespace meshgate::netfilter
