#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::daemon {

/// What a running server answered.
struct AdminAnswer {
    unsigned status = 0;  ///< of HTTP
    std::string body;
    /// Who listens on the unix socket, from the kernel: a signal goes to this process, not to the
    /// one that the answer names. None over TCP.
    std::optional<pid_t> peer;
    std::string address;  ///< that answered, as it was given
};

/// Asks for `path` at the first of the addresses ("unix:PATH", "ADDRESS:PORT") where somebody
/// listens. @param patience  for each of its steps
/// @return none when nobody listens at any of them
/// @throws std::system_error "admin ADDRESS: why", EACCES when the socket may not be used;
///   std::runtime_error when there is an answer that is none
std::optional<AdminAnswer> ask_admin(const std::vector<std::string>& addresses,
                                     const std::string& path, const char* method = "GET",
                                     std::chrono::seconds patience = std::chrono::seconds{5});

}  // namespace meshgate::daemon
