#pragma once

#include "dns/feed/response_reader.h"

#include <chrono>
#include <stop_token>
#include <string>

namespace meshgate::dns::feed {

/// What to ask for, and of whom.
struct HttpGet {
    std::string socket;                        ///< path of a unix socket
    std::string path;                          ///< "/dns"
    std::string etag;                          ///< what is known already; empty: nothing
    std::chrono::milliseconds patience{5000};  ///< for all of it, from the connection to the end
};

/// Asks once and waits for the whole response; one connection.
/// @throws std::system_error (ENOENT and ECONNREFUSED: nobody is there; ETIMEDOUT; ECANCELED: a
///   stop was requested) and std::runtime_error for a response that is none.
HttpResponse get(const HttpGet& request, const std::stop_token& stop);

}  // namespace meshgate::dns::feed
