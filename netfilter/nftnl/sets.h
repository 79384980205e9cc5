#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/intervals.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace meshgate::netfilter {

/// nft's numbers for the type of a set's key (nftables, enum datatypes and enum byteorder): the
/// kernel keeps them for whoever lists the set.
struct KeyType {
    std::uint32_t id = 0;
    std::uint32_t bytes = 0;
    std::uint32_t byteorder = 0;

    friend bool operator==(const KeyType&, const KeyType&) noexcept = default;
};
inline constexpr KeyType inet_proto_key{.id = 12, .bytes = 1, .byteorder = 2};
KeyType key_type(const Set& set) noexcept;
/// NFT_SET_INTERVAL, or none.
std::uint32_t set_flags(const Set& set) noexcept;

/// `set NAME { type TYPE; flags interval; comment "..."; }` (of marks without flags) and without
/// elements; `id` is its number
/// within the transaction.
NftSet build_set(std::string_view table, const Set& set, std::uint32_t id);

/// A set of that name with these elements, for NEWSETELEM.
NftSet build_elements(std::string_view table, const Set& set,
                      std::span<const IntervalElement> elements);

/// libnftnl's form of an element is ten times as large as its message: so many are made at once.
inline constexpr std::size_t elements_at_once = 2000;

/// `{ tcp, udp }`: the nameless set of one rule, with its elements; `id` is its name within the
/// transaction.
NftSet build_protocol_set(std::string_view table, std::span<const Protocol> protocols,
                          std::uint32_t id);

/// IPPROTO_TCP or IPPROTO_UDP.
std::uint8_t protocol_number(Protocol protocol) noexcept;

}  // namespace meshgate::netfilter
