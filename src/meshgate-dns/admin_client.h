#pragma once

#include "conf/config.h"
#include "src/daemon/admin_client.h"
#include "src/meshgate-dns/status_report.h"

#include <optional>
#include <string>

namespace meshgate::dnsd {

using daemon::AdminAnswer;

/// Asks for `path` at the first address of dns.admin that answers. Blocks for 5 s at most.
/// @return none when nobody listens there: the server is not running.
/// @throws NotPermitted when the socket may not be used; std::runtime_error when there is an answer
///   that is none, or dns.admin is empty.
std::optional<AdminAnswer> ask_admin(const conf::Dns& dns, const std::string& path,
                                     const char* method = "GET");

}  // namespace meshgate::dnsd
