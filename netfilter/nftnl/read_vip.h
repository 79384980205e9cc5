#pragma once

#include "netfilter/nftnl/expression_cursor.h"

#include <optional>

namespace meshgate::netfilter {

/// The verdicts that send VIPs on, back from their expressions: ToClass, DnatToSlot, Masquerade,
/// Reject. None, and nothing passed, when the next expressions are none of these.
std::optional<Verdict> read_vip_verdict(ExpressionCursor& cursor);

}  // namespace meshgate::netfilter
