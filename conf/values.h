#pragma once

#include "conf/config.h"
#include "conf/reader.h"

/// The words of the configuration: ports, users, networks, names.
namespace meshgate::conf {

/// "8000", "8000-8100". Empty for anything else, port 0 and a range that runs backwards.
std::optional<PortRange> parse_port_range(std::string_view text) noexcept;

/// "1001", "2000-2999"; 4294967295 is no uid (it means "unchanged" to the kernel). Empty for
/// anything else.
std::optional<UidRange> parse_uid_range(std::string_view text) noexcept;

/// A domain name as configured, in lower case and without trailing dot; labels of 1..63 bytes of
/// letters, digits, '-' and '_', at most 253 in all ('_' is legal in the DNS). `*` may be the whole
/// first label when `wildcard` allows it.
enum class Wildcard : std::uint8_t { no, yes };
std::optional<std::string> parse_name(std::string_view text, Wildcard wildcard = Wildcard::no);

/// True for what useradd or a distribution may call a user: no blank, no ':' or '/', no digits
/// alone.
bool is_user_name(std::string_view text) noexcept;

/// Readers of a key that holds one such word or an array of them.
std::vector<PortRange> read_ports(TableReader& reader, std::string_view key);
std::vector<UserRef> read_users(TableReader& reader, std::string_view key);
std::optional<UserRef> read_user(TableReader& reader, std::string_view key);  ///< one, no range
std::vector<Cidr> read_networks(TableReader& reader, std::string_view key);
std::vector<Protocol> read_protocols(TableReader& reader, std::string_view key);

}  // namespace meshgate::conf
