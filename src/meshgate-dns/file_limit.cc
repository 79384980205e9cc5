#include "src/meshgate-dns/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace meshgate::dnsd {
namespace {

constexpr rlim_t useful_files = 65536;
// Listeners, the admin endpoint and its clients, the logs, what a reload opens.
constexpr std::size_t other_files = 96;
// An idle client costs less than 2 KiB here and about as much in the kernel.
constexpr std::size_t clients_max = 16384;
constexpr std::size_t clients_few = 256;
constexpr std::size_t upstream_few = 4;

/// Sockets to upstreams: those in use and, until their last query is done, those they replaced.
std::size_t upstream_files(const dns::forward::Limits& limits) {
    return 2 * limits.udp_sockets + limits.tcp_connections;
}

}  // namespace

std::size_t raise_file_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // what every system gives
    if (limit.rlim_cur < useful_files) {
        rlimit raised = limit;
        raised.rlim_cur = std::min(limit.rlim_max, useful_files);
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return static_cast<std::size_t>(std::min(limit.rlim_cur, useful_files));
}

std::string share_files(std::size_t files, std::size_t workers, dns::server::WorkerLimits& limits) {
    const std::size_t share = (files - std::min(files, other_files)) / workers;
    if (share < 2 * upstream_files(limits.forward)) {
        limits.forward.udp_sockets =
            std::clamp(share / 6, upstream_few, limits.forward.udp_sockets);
        limits.forward.tcp_connections =
            std::clamp(share / 6, upstream_few, limits.forward.tcp_connections);
    }
    const std::size_t kept = std::min(share, upstream_files(limits.forward));
    limits.tcp_connections = std::clamp<std::size_t>(share - kept, 1, clients_max);
    if (limits.tcp_connections >= clients_few) return {};
    return "only " + std::to_string(files) +
           " files may be open (LimitNOFILE, ulimit -n): at most " +
           std::to_string(limits.tcp_connections * workers) + " clients over TCP at a time";
}

}  // namespace meshgate::dnsd
