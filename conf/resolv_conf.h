#pragma once

#include "conf/address.h"

#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf {

/// The nameservers of a resolv.conf (resolv.conf(5)), in file order, port 53, scopes kept
/// ("fe80::1%eth0"). Comments start with
/// '#' or ';' in the first column; everything that is not a `nameserver` line with an address is
/// passed over. Never fails: the file belongs to somebody else.
std::vector<SocketAddress> parse_resolv_conf(std::string_view text);

/// @throws std::system_error when the file cannot be read.
std::vector<SocketAddress> read_resolv_conf(const std::string& file);

}  // namespace meshgate::conf
