#include "src/meshgate-dns/admin_sockets.h"

#include "src/common/errors.h"
#include "src/common/log.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace meshgate::dnsd {
namespace {

UniqueFd listen_unix(const std::string& path, const std::optional<Identity>& identity) {
    prepare_directory(std::filesystem::path{path}.parent_path(), identity);
    try {
        const ActingAs user{identity};
        return daemon::bind_unix(path, "meshgate-dns");
    } catch (const std::system_error& error) {
        const int code = error.code().value();
        if (code != EACCES && code != EPERM && code != EROFS) throw;
    }
    // In a folder that is not the user's.
    UniqueFd fd = daemon::bind_unix(path, "meshgate-dns");
    if (identity && ::lchown(path.c_str(), identity->uid, identity->gid) != 0) {
        log::warning("chown " + path + ": " + std::strerror(errno));
    }
    return fd;
}

}  // namespace

AdminSockets open_admin(const conf::Dns& dns, const std::optional<Identity>& identity) {
    AdminSockets sockets;
    for (const std::string& text : dns.admin) {
        const AdminAddress address = parse_admin_address(text);
        try {
            if (const auto* path = std::get_if<std::string>(&address)) {
                sockets.listening.push_back(listen_unix(*path, identity));
                sockets.files.emplace_back(*path);
            } else {
                sockets.listening.push_back(
                    listen_tcp("admin", std::get<conf::SocketAddress>(address)));
            }
        } catch (const std::system_error& error) {
            if (!dns.admin_is_default) throw;
            log::warning(std::string{error.what()} +
                         "; no admin endpoint: status and reload will not find this server");
        }
    }
    return sockets;
}

}  // namespace meshgate::dnsd
