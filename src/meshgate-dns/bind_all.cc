#include "src/meshgate-dns/bind_all.h"

#include "src/common/log.h"
#include "src/meshgate-dns/verbs.h"
#include "src/meshgate-dns/worker_group.h"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace meshgate::dnsd {

dns::server::BoundSockets bind_all(const std::vector<conf::SocketAddress>& addresses) {
    try {
        auto bound = dns::server::bind_sockets(addresses, worker_count());
        for (const std::string& line : bound.skipped) log::notice(line);
        return bound;
    } catch (const std::system_error& error) {
        const auto code = error.code().value();
        if (code == EADDRINUSE) {
            throw std::runtime_error(std::string{error.what()} +
                                     ": another meshgate-dns or another server has this port");
        }
        if (code == EACCES || code == EPERM) {
            throw NotPermitted(std::string{error.what()} +
                               "; ports below 1024 need root or CAP_NET_BIND_SERVICE");
        }
        throw;
    }
}

}  // namespace meshgate::dnsd
