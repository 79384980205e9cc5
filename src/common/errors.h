#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace meshgate {

/// Throws std::system_error of `error` (default: errno), saying what failed: "bind 127.0.0.1:53:
/// Address already in use".
[[noreturn]] inline void throw_errno(std::string_view what, int error = errno) {
    throw std::system_error(error, std::generic_category(), std::string{what});
}

}  // namespace meshgate
