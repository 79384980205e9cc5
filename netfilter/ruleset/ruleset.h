#pragma once

#include "conf/address.h"
#include "conf/ranges.h"
#include "netfilter/ruleset/vip_maps.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The capture as data: one nftables table. Everything else (nft text, JSON, netlink messages,
/// digest, diff) is a function of it. The words are nft's. A rule is matches, all of which must
/// hold, and then statements in order.
namespace meshgate::netfilter {

using conf::Cidr;
using conf::Family;
using conf::Gid;
using conf::GidRange;
using conf::Mark;
using conf::Port;
using conf::PortRange;
using conf::Protocol;
using conf::Uid;
using conf::UidRange;

// ---- sets
// -------------------------------------------------------------------------------------------------------------

/// Disjoint, sorted, merged ranges; one alternative for each set type. Ports: inet_service; users:
/// uid; groups: gid; networks: ipv4_addr, ipv6_addr. Marks are single values, sorted, each once:
/// mark.
using PortElements = std::vector<PortRange>;
using UidElements = std::vector<UidRange>;
using GidElements = std::vector<GidRange>;
using MarkElements = std::vector<Mark>;
struct AddressElements {
    Family family = Family::ipv4;
    std::vector<Cidr> networks;  ///< none contains another

    friend bool operator==(const AddressElements&, const AddressElements&) noexcept = default;
};

/// A named interval set; of marks, a set of values. Uids and gids need the big-endian form in the
/// kernel (byteorder hton before the lookup).
struct Set {
    std::string name;     ///< 1..31 bytes
    std::string comment;  ///< at most 128 bytes
    std::variant<PortElements, UidElements, AddressElements, GidElements, MarkElements> elements;

    [[nodiscard]] bool is_interval() const noexcept {
        return !std::holds_alternative<MarkElements>(elements);
    }

    friend bool operator==(const Set&, const Set&) noexcept = default;
};

// ---- matches
// ----------------------------------------------------------------------------------------------------------

struct SetRef {
    std::string name;
    friend bool operator==(const SetRef&, const SetRef&) noexcept = default;
};

enum class Device : std::uint8_t { in, out };

/// `meta nfproto ipv4|ipv6`
struct MatchFamily {
    Family family = Family::ipv4;
    friend bool operator==(const MatchFamily&, const MatchFamily&) noexcept = default;
};
/// `meta l4proto tcp`, `udp` or `{ tcp, udp }`
struct MatchL4Proto {
    std::vector<Protocol> protocols;
    friend bool operator==(const MatchL4Proto&, const MatchL4Proto&) noexcept = default;
};
/// `th dport 53`, `th dport 30-40`, `th dport @set`; comes after a MatchL4Proto of the same rule
struct MatchDport {
    std::variant<PortRange, SetRef> ports;
    friend bool operator==(const MatchDport&, const MatchDport&) noexcept = default;
};
enum class Sense : std::uint8_t { equal, not_equal };
/// `ip|ip6 saddr|daddr [!=] NETWORK|@set`; implies MatchFamily
struct MatchAddress {
    enum class Field : std::uint8_t { saddr, daddr };
    Field field = Field::daddr;
    Sense sense = Sense::equal;
    Family family = Family::ipv4;
    std::variant<Cidr, SetRef> networks;
    friend bool operator==(const MatchAddress&, const MatchAddress&) noexcept = default;
};
/// `meta skuid UID|@set`: the uid a socket was created with; a packet without a socket does not
/// match (only in output)
struct MatchSkuid {
    std::variant<Uid, SetRef> users;
    friend bool operator==(const MatchSkuid&, const MatchSkuid&) noexcept = default;
};
/// `meta skgid GID|@set`: the gid, no supplementary one, that a socket was created with; else as
/// MatchSkuid
struct MatchSkgid {
    std::variant<Gid, SetRef> groups;
    friend bool operator==(const MatchSkgid&, const MatchSkgid&) noexcept = default;
};
/// `meta mark & MASK MARK|@set`, without the mask when it is whole
struct MatchMark {
    Mark mask = conf::whole_mark;
    std::variant<Mark, SetRef> marks;
    friend bool operator==(const MatchMark&, const MatchMark&) noexcept = default;
};
/// `iiftype|oiftype [!=] loopback` (ARPHRD_LOOPBACK): right for a renamed lo too
struct MatchLoopback {
    Device device = Device::out;
    Sense sense = Sense::equal;
    friend bool operator==(const MatchLoopback&, const MatchLoopback&) noexcept = default;
};
/// `iifname|oifname NAME`; a trailing '*' matches any rest
struct MatchInterface {
    Device device = Device::in;
    std::string name;
    friend bool operator==(const MatchInterface&, const MatchInterface&) noexcept = default;
};
/// `fib daddr type local`
struct MatchLocalDestination {
    friend bool operator==(const MatchLocalDestination&,
                           const MatchLocalDestination&) noexcept = default;
};
/// `ct state invalid`
struct MatchInvalid {
    friend bool operator==(const MatchInvalid&, const MatchInvalid&) noexcept = default;
};
/// `ct original ip daddr @set`: where the connection was meant to go
struct MatchOriginalDestination {
    Family family = Family::ipv4;
    SetRef networks;
    friend bool operator==(const MatchOriginalDestination&,
                           const MatchOriginalDestination&) noexcept = default;
};
/// `fib saddr [. oif] type [!=] local`: the source is an address of this machine, or of the
/// interface that the packet leaves by
struct MatchLocalSource {
    bool of_interface = false;
    Sense sense = Sense::equal;
    friend bool operator==(const MatchLocalSource&, const MatchLocalSource&) noexcept = default;
};

using Match = std::variant<MatchFamily, MatchL4Proto, MatchDport, MatchAddress, MatchSkuid,
                           MatchSkgid, MatchMark, MatchLoopback, MatchInterface,
                           MatchLocalDestination, MatchInvalid, MatchOriginalDestination,
                           MatchLocalSource>;

// ---- statements
// -------------------------------------------------------------------------------------------------------

struct Return {
    friend bool operator==(const Return&, const Return&) noexcept = default;
};
struct Drop {
    friend bool operator==(const Drop&, const Drop&) noexcept = default;
};
struct Jump {
    std::string chain;
    friend bool operator==(const Jump&, const Jump&) noexcept = default;
};
/// `redirect to :PORT`; nat chains only, after a MatchL4Proto of the same rule (or of every rule
/// that jumps here)
struct RedirectTo {
    Port port = 0;
    friend bool operator==(const RedirectTo&, const RedirectTo&) noexcept = default;
};
/// `ct original zone set ZONE`; below conntrack's priority (-200) only
struct OriginalZone {
    std::uint16_t zone = 0;
    friend bool operator==(const OriginalZone&, const OriginalZone&) noexcept = default;
};

/// `ip daddr . tcp dport vmap @map`: on to the chain that a ClassMap names; a packet that it does
/// not have goes on to the next rule
struct ToClass {
    Family family = Family::ipv4;
    Protocol protocol = Protocol::tcp;
    std::string map;
    friend bool operator==(const ToClass&, const ToClass&) noexcept = default;
};
/// How a connection gets the number of its slot.
enum class SlotChoice : std::uint8_t {
    random,    ///< `numgen random mod N`
    in_turn,   ///< `numgen inc mod N`: a counter of the rule's own
    by_client  ///< `jhash ip saddr mod N seed S`: always the same for a source address
};
/// `dnat ip to ip daddr . tcp dport . numgen random mod 4 map @map`: to the endpoint that an
/// EndpointMap has for the packet and the slot; nat chains only. A packet that it does not have
/// goes on to the next rule.
struct DnatToSlot {
    Family family = Family::ipv4;
    Protocol protocol = Protocol::tcp;
    SlotChoice choice = SlotChoice::random;
    std::uint32_t slots = 1;  ///< at least 1
    std::string map;
    friend bool operator==(const DnatToSlot&, const DnatToSlot&) noexcept = default;
};
/// `masquerade`: from the address of the interface that it leaves by; nat postrouting only
struct Masquerade {
    friend bool operator==(const Masquerade&, const Masquerade&) noexcept = default;
};
/// `reject with tcp reset` (after a MatchL4Proto of TCP), `reject with icmpx port-unreachable`;
/// filter chains only
struct Reject {
    bool tcp_reset = false;
    friend bool operator==(const Reject&, const Reject&) noexcept = default;
};

/// The seed of `by_client`: fixed, so that a client keeps its slot when the rules are replaced.
inline constexpr std::uint32_t client_hash_seed = 0x6d657368;  // "mesh"

/// What a rule does; exactly one.
using Verdict = std::variant<Return, Drop, Jump, RedirectTo, OriginalZone, ToClass, DnatToSlot,
                             Masquerade, Reject>;

/// What a rule counts into before its verdict: a counter of the table (`counter name "..."`), its
/// own one, which has no name (`counter`), or none.
using CounterRef = std::optional<std::string>;
inline constexpr std::nullopt_t uncounted = std::nullopt;
inline constexpr const char* own_counter = "";

struct Rule {
    std::vector<Match> matches;
    CounterRef counter{};
    Verdict verdict;
    std::string comment;  ///< why it exists; at most 128 bytes
    /// `log prefix "..." level debug` between the counter and the verdict, or empty for none: at
    /// most 127 bytes of printable ASCII without '"', '\\' and '$' (nft's text has no escapes)
    std::string log_prefix{};

    friend bool operator==(const Rule&, const Rule&) noexcept = default;
};

// ---- chains and the table
// ---------------------------------------------------------------------------------------------

enum class ChainType : std::uint8_t { filter, nat };
enum class Hook : std::uint8_t { prerouting, output, postrouting };

/// `type filter hook output priority -300; policy accept;`
struct BaseChain {
    ChainType type = ChainType::filter;
    Hook hook = Hook::output;
    int priority = 0;

    friend bool operator==(const BaseChain&, const BaseChain&) noexcept = default;
};

/// The name of a set of ports that says whether DNS is left alone for the moment. The plan has it
/// empty; a guard puts port 53 in while nobody answers.
inline constexpr const char* open_dns_set = "open_dns_ports";

/// Sets whose elements say how the machine is just now (its resolv.conf, who answers), not what was
/// configured: a guard changes them while the rules are in force.
inline bool is_followed(std::string_view set) noexcept {
    return set == open_dns_set || set == "nameservers4" || set == "nameservers6" ||
           set == "local_resolvers";
}

struct Chain {
    std::string name;
    std::optional<BaseChain> base;  ///< none: only reached by a jump
    std::vector<Rule> rules;

    friend bool operator==(const Chain&, const Chain&) noexcept = default;
};

/// One `inet` table. Chains are listed before those that jump to them; counters, sets and maps
/// before all.
struct Ruleset {
    std::string table = "meshgate";
    std::vector<Set> sets;
    std::vector<Chain> chains;
    std::vector<std::string> counters{};  ///< named ones, without what they stand at
    std::vector<ClassMap> class_maps{};
    std::vector<EndpointMap> endpoint_maps{};

    friend bool operator==(const Ruleset&, const Ruleset&) noexcept = default;
};

}  // namespace meshgate::netfilter
