#pragma once

#include "dns/server/query_log.h"
#include "src/meshgate-dns/coredns/plan.h"
#include "src/meshgate-dns/query_log_sink.h"

#include <string>
#include <string_view>

namespace meshgate::coredns {

/// A line of the `log` directive, "[INFO] " and its end included. Placeholders without a meaning
/// here become "-". Names come from the network: bytes of one that could end a line or a field are
/// written as \DDD.
std::string to_log_line(const dns::server::LoggedQuery& query, std::string_view format);

/// What the directives `log` and `errors` write, as coredns does: to standard output. Of queries
/// that failed for want of an upstream, `errors` writes the first ten that come together, and how
/// many more there were.
dnsd::QueryLines make_log_lines(const LogPlan& plan);

/// The classes of answers that it has to be told of.
dns::server::ReplyClasses classes_for(const LogPlan& plan);

}  // namespace meshgate::coredns
