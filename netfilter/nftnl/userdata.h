#pragma once

#include "netfilter/nftnl/kernel.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The userdata of tables, rules, sets and set elements: bytes that the kernel keeps and does not
/// look at. nft and libnftnl write them as a sequence of type (1 byte), length (1 byte), value
/// (libnftnl/udata.h), and so do we, so that nft prints our comments. Whoever may change the
/// ruleset may put anything there: reading trusts nothing.
namespace meshgate::netfilter {

using Userdata = std::vector<std::uint8_t>;

/// Bytes of a comment, as nft limits it (NFTNL_UDATA_COMMENT_MAXLEN).
inline constexpr std::size_t max_comment_bytes = 128;

/// Appends a text with the NUL that nft expects. An empty text appends nothing.
/// @throws std::length_error above max_comment_bytes.
void put_text(Userdata& userdata, std::uint8_t type, std::string_view text);

/// Appends a number in host byte order, as nft does.
void put_u32(Userdata& userdata, std::uint8_t type, std::uint32_t number);

/// The first text of that type without its NUL; none when there is no such text, or when the
/// bytes before it are no sequence of type, length and value.
std::optional<std::string_view> find_text(std::span<const std::uint8_t> userdata,
                                          std::uint8_t type) noexcept;

/// The table's userdata: a comment such as "meshgate format=1 version=0.1.0 digest=00ff...", which
/// `nft list ruleset` prints and which survives a save and restore by nft.
Userdata write_ownership(const Ownership& ownership);

/// None when the userdata does not say that the table is ours.
std::optional<Ownership> read_ownership(std::span<const std::uint8_t> userdata);

}  // namespace meshgate::netfilter
