#pragma once

#include "src/common/unique_fd.h"

namespace meshgate::redirect {

/// While it lives no other meshgate-redirect changes the rules of this network namespace: one lock
/// for each, without a file that could be left behind. One within another is the same turn.
class Turn {
public:
    /// Waits for the others, at most ten seconds: whoever may open /proc can hold the lock, and is
    /// not to keep an administrator from his rules. Then it goes on without, with a warning.
    Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { --depth; }

private:
    static inline int depth = 0;  ///< of this process: its one thread changes rules
    UniqueFd namespace_;
};

}  // namespace meshgate::redirect
