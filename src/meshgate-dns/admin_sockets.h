#pragma once

#include "conf/config.h"
#include "src/common/unique_fd.h"
#include "src/daemon/admin_listener.h"
#include "src/meshgate-dns/identity.h"

#include <optional>
#include <vector>

namespace meshgate::dnsd {

using daemon::AdminAddress;
using daemon::listen_tcp;
using daemon::parse_admin_address;
using daemon::SocketFile;

/// The listening sockets of the admin endpoint. Unix sockets are 0660 and belong to the user the
/// server will be.
struct AdminSockets {
    std::vector<UniqueFd> listening;
    std::vector<SocketFile> files;
};

/// Binds all of dns.admin, before the user is changed. A socket file that a dead server left is
/// replaced; one that somebody answers on is an error, also at the default path.
/// @throws std::system_error, std::runtime_error saying which address; for the default path that
///   cannot be created there is only a warning.
AdminSockets open_admin(const conf::Dns& dns, const std::optional<Identity>& identity);

}  // namespace meshgate::dnsd
