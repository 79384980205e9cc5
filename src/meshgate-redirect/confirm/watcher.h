#pragma once

#include "conf/config.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/confirm/pending.h"

#include <chrono>
#include <optional>

namespace meshgate::redirect {

/// The process that puts the previous state back unless it is told that all is well. It is of a
/// session of its own, holds the previous state in memory, and lives on when this program, its
/// terminal or its connection ends.
///
/// systemd-logind with KillUserProcesses=yes ends what is left of a session by SIGTERM, and by
/// SIGKILL 90 s later (DefaultTimeoutStopSec): a SIGTERM does not end it, but shortens the time to
/// 60 s at most.
class Arming {
public:
    /// Starts it, before anything is changed. When this program ends before it calls changed(), the
    /// previous state comes back at once.
    /// @throws std::system_error, std::runtime_error: then nothing was done
    Arming(const conf::Redirect& wanted, std::chrono::seconds time,
           std::optional<conf::Port> spared);
    Arming(const Arming&) = delete;
    Arming& operator=(const Arming&) = delete;
    ~Arming() = default;

    [[nodiscard]] const Pending& pending() const noexcept { return pending_; }
    void changed();   ///< the new state is in force: from now on it is to be confirmed
    /// The install failed: what was there before is in force again when this returns.
    /// @return false when it could not be brought back
    bool call_off();

private:
    Pending pending_;
    UniqueFd watcher_;
};

}  // namespace meshgate::redirect
