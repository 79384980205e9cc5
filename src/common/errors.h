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

/// An error that has its cause in the moment, not in what was asked for: memory, a full queue,
/// descriptors, somebody else who was faster, an answer that was lost. The same may go next time.
inline bool is_passing(int error) noexcept {
    switch (error) {
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case EMFILE:
    case EMSGSIZE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EPROTO:
    case ERESTART:
        return true;
    default:
        return false;
    }
}

}  // namespace meshgate
