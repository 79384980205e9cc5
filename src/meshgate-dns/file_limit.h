#pragma once

#include "dns/server/worker.h"

#include <cstddef>
#include <string>

namespace meshgate::dnsd {

/// Raises the soft limit of open files (RLIMIT_NOFILE, LimitNOFILE= of a unit) as far as the hard
/// one allows and it is of use. @return the limit from now on.
std::size_t raise_file_limit() noexcept;

/// Shares `files` out among the workers: TCP clients get what is left by the sockets to upstreams,
/// so that a crowd of clients never stops the forwarding. Fills in `limits`.
/// @return a warning when that is little, else empty.
std::string share_files(std::size_t files, std::size_t workers, dns::server::WorkerLimits& limits);

}  // namespace meshgate::dnsd
