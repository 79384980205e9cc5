#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

using Bytes = std::span<const std::uint8_t>;

/// A rule ready to be sent, and the nameless sets that it looks up: they go before it.
struct BuiltRule {
    NftRule rule;
    std::vector<NftSet> protocol_sets;
};

/// The rule in the kernel's expressions: the same ones, in the same order, that nft makes of the
/// rule's text, so that `nft list` prints that text. One register (NFT_REG_1) carries every value
/// from the expression that loads it to the one that looks at it.
/// @param next_set_id  numbers the nameless sets within the transaction; moved on.
BuiltRule build_rule(std::string_view table, std::string_view chain, const Rule& rule,
                     std::uint32_t& next_set_id);

/// What a rule's expressions and their reading back share: where the kernel finds things.
namespace layout {
inline constexpr std::uint32_t th_dport_offset = 2;
inline constexpr std::uint32_t port_bytes = 2;
inline constexpr std::uint32_t interface_name_bytes = 16;  ///< IFNAMSIZ
inline constexpr std::uint32_t ct_state_invalid = 1;       ///< NF_CT_STATE_INVALID_BIT

/// Bytes of an address, and where it lies in its network header.
std::uint32_t address_bytes(Family family) noexcept;
std::uint32_t address_offset(Family family, MatchAddress::Field field) noexcept;
/// NFPROTO_IPV4 or NFPROTO_IPV6.
std::uint8_t nfproto(Family family) noexcept;
/// A concatenation `ip daddr . tcp dport . SLOT` lies in 32-bit registers, one after the other from
/// NFT_REG_1 on. The numbers are those that the kernel gives back.
struct KeyRegisters {
    std::uint32_t port;    ///< also of the endpoint that a lookup finds
    std::uint32_t slot;
    std::uint32_t client;  ///< beyond the key
};
KeyRegisters key_registers(Family family) noexcept;
/// `prefix` one bits, the rest zero, in that many bytes.
std::vector<std::uint8_t> prefix_mask(std::size_t prefix, std::size_t bytes);
}  // namespace layout

}  // namespace meshgate::netfilter
