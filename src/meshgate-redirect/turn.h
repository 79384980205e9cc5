#pragma once

#include "src/common/unique_fd.h"

namespace meshgate::redirect {

/// While it lives no other meshgate-redirect changes the rules of this network namespace: one lock
/// for each, without a file that could be left behind.
class Turn {
public:
    /// Waits for the others, at most ten seconds: whoever may open /proc can hold the lock, and is
    /// not to keep an administrator from his rules. Then it goes on without, with a warning.
    Turn();

private:
    UniqueFd namespace_;
};

}  // namespace meshgate::redirect
