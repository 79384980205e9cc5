#pragma once

#include "conf/address.h"

#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf {

inline constexpr std::size_t search_domains_max = 32;

/// The nameservers of a resolv.conf (resolv.conf(5)), in file order, port 53, scopes kept
/// ("fe80::1%eth0"). Comments start with
/// '#' or ';' in the first column; everything that is not a `nameserver` line with an address is
/// passed over. Never fails: the file belongs to somebody else.
std::vector<SocketAddress> parse_resolv_conf(std::string_view text);

/// The search domains of a resolv.conf: of the last `search` or `domain` line, lower case, no
/// trailing dot, 32 at most. Words that are no domain are passed over, the root too.
std::vector<std::string> parse_search(std::string_view text);

/// @throws std::system_error when the file cannot be read.
std::vector<std::string> read_search(const std::string& file);

/// @throws std::system_error when the file cannot be read.
std::vector<SocketAddress> read_resolv_conf(const std::string& file);

}  // namespace meshgate::conf
