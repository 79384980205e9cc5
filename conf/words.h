#pragma once

#include "conf/ranges.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The words of the configuration, whatever the file's format.
namespace meshgate::conf {

/// "8000", "8000-8100". Empty for anything else, port 0 and a range that runs backwards.
std::optional<PortRange> parse_port_range(std::string_view text) noexcept;

/// "1001", "2000-2999"; 4294967295 is no uid (it means "unchanged" to the kernel). Empty for
/// anything else.
std::optional<UidRange> parse_uid_range(std::string_view text) noexcept;

/// The same of groups.
std::optional<GidRange> parse_gid_range(std::string_view text) noexcept;

/// "1337", "0x539", "0x539/0xfff": a mark, and which of its bits count. Empty for anything else.
/// What it says may be no MaskedMark: see mark_fault().
std::optional<MaskedMark> parse_mark(std::string_view text) noexcept;

/// Why nobody is to be exempt by it; empty for a good one.
std::string_view mark_fault(const MaskedMark& mark) noexcept;

/// A domain name as configured, in lower case and without trailing dot; labels of 1..63 bytes of
/// letters, digits, '-' and '_', at most 253 in all ('_' is legal in the DNS). `*` may be the whole
/// first label when `wildcard` allows it.
enum class Wildcard : std::uint8_t { no, yes };
std::optional<std::string> parse_name(std::string_view text, Wildcard wildcard = Wildcard::no);

/// True for what useradd or a distribution may call a user or a group: no blank, no ':' or '/', no
/// digits alone.
bool is_user_name(std::string_view text) noexcept;

/// An interface of the kernel (1 to 15 bytes), with '+' (iptables) or '*' (nft) at the end for any
/// rest.
bool is_interface_pattern(std::string_view name) noexcept;

/// What both nft and iptables' LOG take: at most 29 bytes of printable ASCII without quotes,
/// backslash and dollar sign.
bool is_log_prefix(std::string_view text) noexcept;

/// Well-formed UTF-8 (RFC 3629 section 4) without NUL.
bool is_utf8(std::string_view text) noexcept;

/// A number and what it counts, such as {"m", 60}.
struct Unit {
    std::string_view suffix;
    std::int64_t factor;
};
/// "30s" with one of `units`; empty for another form or more than `max`.
std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                            std::int64_t max) noexcept;

/// "30s", "5m", "1h", "1d"; at most 2147483647 seconds (RFC 2181 section 8). Empty for anything
/// else.
std::optional<std::uint32_t> parse_seconds(std::string_view text) noexcept;

/// "100ms", "2s", "1m", "1h"; at most 2147483647 milliseconds. Empty for anything else.
std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text) noexcept;

/// "'word'", with control characters and quotes made visible.
std::string in_quotes(std::string_view text);

}  // namespace meshgate::conf
