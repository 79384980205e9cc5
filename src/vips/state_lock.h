#pragma once

#include "src/common/unique_fd.h"

#include <string>

namespace meshgate {

/// The right to write a state file, as long as it lives: two servers that give addresses from one
/// file would give them twice. It is a lock of the kernel (flock(2)) on a file beside it, so
/// nothing is left of it when its holder is killed.
class StateLock {
public:
    /// @throws std::runtime_error that names the process that has it, std::system_error
    explicit StateLock(std::string state_file);

    [[nodiscard]] const std::string& state_file() const noexcept { return state_file_; }

private:
    std::string state_file_;
    UniqueFd fd_;
};

}  // namespace meshgate
