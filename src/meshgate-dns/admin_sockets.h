#pragma once

#include "conf/config.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-dns/identity.h"

#include <sys/types.h>
#include <time.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace meshgate::dnsd {

/// "unix:/run/meshgate/dns.sock" or "127.0.0.1:9153". @throws std::runtime_error for neither.
using AdminAddress = std::variant<std::string, conf::SocketAddress>;
AdminAddress parse_admin_address(std::string_view text);

/// A listening unix socket's file; removed at the end, if it is still the one that was made.
class SocketFile {
public:
    explicit SocketFile(std::string path);
    ~SocketFile();
    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&&) = delete;

private:
    std::string path_;  ///< empty: moved from
    dev_t device_ = 0;
    ino_t inode_ = 0;
    timespec changed_{};  ///< ctime: a new file may get the inode of the old one
};

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

/// A listening TCP socket, of IPv6 alone where the address is one.
/// @throws std::system_error "WHAT ADDRESS: why".
UniqueFd listen_tcp(std::string_view what, const conf::SocketAddress& address);

}  // namespace meshgate::dnsd
