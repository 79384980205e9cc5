#pragma once

#include "conf/config.h"
#include "src/meshgate-dns/status_report.h"

#include <sys/types.h>

#include <optional>
#include <string>

namespace meshgate::dnsd {

/// What the running server answered.
struct AdminAnswer {
    std::string body;
    /// Who listens on the unix socket, from the kernel: a signal goes to this process, not to the
    /// one that the answer names. None over TCP.
    std::optional<pid_t> peer;
};

/// Asks for `path` at the first address of dns.admin that answers. Blocks for 5 s at most.
/// @return none when nobody listens there: the server is not running.
/// @throws NotPermitted when the socket may not be used; std::runtime_error when there is an answer
///   that is none, or dns.admin is empty.
std::optional<AdminAnswer> ask_admin(const conf::Dns& dns, const std::string& path,
                                     const char* method = "GET");

}  // namespace meshgate::dnsd
