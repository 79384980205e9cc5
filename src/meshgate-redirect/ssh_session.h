#pragma once

#include "conf/address.h"
#include "conf/ranges.h"

#include <optional>
#include <string_view>

namespace meshgate::redirect {

/// The SSH connection that somebody works over.
struct SshSession {
    conf::IpAddress client, server;
    conf::Port port = 0;  ///< of the server
};

/// The connection that the session which runs this program came in by: one that was accepted and
/// that one of the processes above this one holds (sshd does, also above a sudo that drops
/// SSH_CONNECTION), else what SSH_CONNECTION says, here or in the environment of a process above, as
/// far as they may be looked at. None on a console.
std::optional<SshSession> ssh_session();

/// "203.0.113.5 50022 192.0.2.1 22", as sshd(8) sets SSH_CONNECTION. None for anything else.
std::optional<SshSession> parse_ssh_connection(std::string_view text);

}  // namespace meshgate::redirect
