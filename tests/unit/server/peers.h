#pragma once

#include "dns/server/udp_path.h"

#include <arpa/inet.h>

#include <stdexcept>
#include <string>

namespace meshgate::test {

/// "10.0.0.1", "fe80::1%3" with the index of an interface. @throws std::invalid_argument
inline dns::server::Peer peer(const std::string& text) {
    dns::server::Peer out{.v6 = {}};
    if (inet_pton(AF_INET, text.c_str(), &out.v4.sin_addr) == 1) {
        out.v4.sin_family = AF_INET;
        return out;
    }
    const auto percent = text.find('%');
    if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &out.v6.sin6_addr) != 1) {
        throw std::invalid_argument{text};
    }
    out.v6.sin6_family = AF_INET6;
    if (percent != text.npos) {
        out.v6.sin6_scope_id = static_cast<std::uint32_t>(std::stoul(text.substr(percent + 1)));
    }
    return out;
}

}  // namespace meshgate::test
