#pragma once

#include "conf/address.h"
#include "src/common/unique_fd.h"

#include <sys/types.h>
#include <time.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace meshgate::daemon {

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

/// Somebody answers there: no warning can make up for it.
class InUse : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Makes a listening unix socket, 0660, as whoever we are at the moment. A socket file that a dead
/// server left is replaced.
/// @param program  whose it is: named where another one of it is running
/// @throws std::system_error, InUse
UniqueFd bind_unix(const std::string& path, std::string_view program);

/// A listening TCP socket, of IPv6 alone where the address is one.
/// @throws std::system_error "WHAT ADDRESS: why".
UniqueFd listen_tcp(std::string_view what, const conf::SocketAddress& address);

}  // namespace meshgate::daemon
