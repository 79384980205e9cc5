#pragma once

#include "dns/server/stats.h"
#include "src/daemon/exposition.h"

#include <cstdint>
#include <span>

namespace meshgate::dnsd {

using daemon::Exposition;
using daemon::label;
using daemon::labels;

/// The sum of one counter over all workers; `pick` says which.
template <class Pick>
std::uint64_t total(std::span<const dns::server::WorkerStats* const> workers, Pick pick) {
    std::uint64_t sum = 0;
    for (const dns::server::WorkerStats* worker : workers) sum += pick(*worker).get();
    return sum;
}

}  // namespace meshgate::dnsd
