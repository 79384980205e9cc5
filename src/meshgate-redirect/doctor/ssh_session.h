#pragma once

#include "src/meshgate-redirect/doctor/facts.h"

#include <optional>
#include <string_view>

namespace meshgate::redirect {

/// "203.0.113.5 50022 192.0.2.1 22", as sshd(8) sets SSH_CONNECTION.
std::optional<SshSession> parse_ssh_connection(std::string_view text);

/// The SSH connection that this program was started over: of its own environment, else of that of
/// the processes that started it (sudo takes the variable away), as far as they may be looked at.
std::optional<SshSession> ssh_session();

}  // namespace meshgate::redirect
