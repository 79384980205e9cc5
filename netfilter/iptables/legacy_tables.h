#pragma once

#include "conf/address.h"

#include <string_view>

namespace meshgate::netfilter {

/// Whether a chain or comment of iptables-legacy has a name that begins so, without running it:
/// asking it for a table makes that table. False where it has no tables, and without CAP_NET_ADMIN.
bool legacy_tables_mention(conf::Family family, std::string_view name);

}  // namespace meshgate::netfilter
