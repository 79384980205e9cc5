#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// In the order in which they are installed: what NAT does to a flow depends on its zone.
inline constexpr std::string_view iptables_tables[]{"raw", "mangle", "nat"};

/// What all our chains begin with; not all that begin so are ours. The chain MESHGATE, which
/// nothing jumps to, holds the mark of their origin.
inline constexpr std::string_view chain_prefix = "MESHGATE_";
inline constexpr std::string_view mark_chain = "MESHGATE";

/// What they begin with while they are only tried; shorter, for names have at most 28 bytes.
inline constexpr std::string_view trial_prefix = "MGTRIAL_";

/// A chain that some version of this program makes, by its name. One that is not among them is
/// somebody else's, whatever it begins with.
bool is_our_chain(std::string_view name) noexcept;

/// What a rule counts as, in front of its comment: "captured_dns: DNS goes to the mesh resolver".
inline constexpr std::string_view cause_separator = ": ";

/// A rule in somebody else's chain that leads to one of ours.
struct JumpWords {
    std::string chain;   ///< "OUTPUT"
    std::string spec;    ///< `-m comment --comment "..." -j MESHGATE_OUTPUT`
    bool first = false;  ///< at the top of the chain, in the order of the jumps; else at its end

    friend bool operator==(const JumpWords&, const JumpWords&) = default;
};

/// Our part of one table of one family, in the words of iptables-restore(8).
struct TableWords {
    std::string table;                ///< "nat"
    std::vector<std::string> chains;  ///< "MESHGATE_OUTPUT"
    std::vector<std::string> rules;   ///< "-A MESHGATE_OUTPUT ... -j RETURN"
    std::vector<JumpWords> jumps;

    friend bool operator==(const TableWords&, const TableWords&) = default;
};

}  // namespace meshgate::netfilter
