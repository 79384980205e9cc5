#pragma once

#include "conf/config.h"

#include <optional>
#include <string>
#include <string_view>

namespace meshgate::redirect {

/// Whether a firewalld.conf(5) lets firewalld reject ::/96 (RFC3964_IPv4, on unless switched off).
bool rejects_ipv4_in_ipv6(std::string_view firewalld_conf);

/// What a firewalld that runs here does to captured connections, and what to do about it. Empty
/// when there is none, or no harm.
///
/// With RFC3964_IPv4 its filter chain of output rejects destinations in ::/96 that do not leave by
/// lo. A redirected connection goes to ::1, but within the hook its device is still the one of the
/// old destination (nf_hook_state is fixed when the hook begins).
std::optional<std::string> firewalld_warning(const conf::Redirect& redirect);

}  // namespace meshgate::redirect
