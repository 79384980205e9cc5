#pragma once

namespace meshgate {

/// Exit statuses of both programs: a contract with whoever calls them (65 and 77 are those of
/// sysexits.h).
enum class ExitCode : int {
    done = 0,           ///< done, or already so
    failed = 1,         ///< tried, and it did not work
    usage = 2,          ///< a command line that makes no sense
    differs = 2,        ///< `diff`, `status`: the kernel is not what the configuration says
    absent = 3,         ///< not installed, or not running
    bad_config = 65,    ///< EX_DATAERR
    not_permitted = 77  ///< EX_NOPERM
};

}  // namespace meshgate
