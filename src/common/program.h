#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate {

/// What a program that was run has said.
struct ProgramResult {
    int status = 0;  ///< its exit status; 128 + the signal that ended it
    std::string out;
    std::string err;  ///< at most 64 KiB of it
};

/// The path of a program: looked for in PATH and then where administration programs are (/usr/sbin,
/// /sbin, /usr/local/sbin), which PATH often lacks. Empty when there is none.
std::string find_program(std::string_view name);

/// Runs `arguments[0]`, a path, with these arguments and no shell, and waits for its end. Its
/// standard input is `input`.
/// @param patience  then it is killed
/// @throws std::system_error when it cannot be started; std::runtime_error when it took longer, or
///         said more than 64 MiB.
ProgramResult run_program(const std::vector<std::string>& arguments, std::string_view input,
                          std::chrono::milliseconds patience);

}  // namespace meshgate
