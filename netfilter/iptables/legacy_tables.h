#pragma once

#include "conf/address.h"

#include <span>
#include <string_view>

namespace meshgate::netfilter {

/// Whether one of these names is in the tables of iptables-legacy, as a chain's or in a comment;
/// found without running it, as asking it for a table makes that table. False where it has no
/// tables, and without CAP_NET_ADMIN.
bool legacy_tables_mention(conf::Family family, std::span<const std::string_view> names);

/// Whether a table of iptables-legacy has a rule, besides what every table begins with. False where
/// it has no tables, and without CAP_NET_ADMIN.
bool legacy_tables_have_rules(conf::Family family);

}  // namespace meshgate::netfilter
