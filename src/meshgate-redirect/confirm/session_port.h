#pragma once

#include "conf/ranges.h"

#include <optional>
#include <string_view>

namespace meshgate::redirect {

/// The port of this machine that the session which runs this program came in by: of a connection
/// that was accepted and that one of the processes above this one holds (sshd does, also above a
/// sudo that drops SSH_CONNECTION), else what SSH_CONNECTION says. None on a console.
std::optional<conf::Port> session_port();

/// The last word of SSH_CONNECTION: "192.0.2.7 50122 192.0.2.1 22", ssh(1).
std::optional<conf::Port> port_of_ssh_connection(std::string_view value);

}  // namespace meshgate::redirect
