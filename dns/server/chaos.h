#pragma once

#include "dns/server/udp_path.h"
#include "dns/wire/question.h"

#include <cstdint>
#include <span>

namespace meshgate::dns::server {

/// Answers a question of class CHAOS, which is about this server and never forwarded (RFC 4892):
/// version.bind and version.server with program and version, id.server and hostname.bind with the
/// host's name. Only this machine is told; everybody else, and every other name, gets REFUSED.
/// @pre question.qclass is CHAOS; out.size() >= 1232. @return bytes written; at most 512.
std::size_t answer_chaos(const wire::Question& question, Origin origin,
                         std::span<std::uint8_t> out) noexcept;

}  // namespace meshgate::dns::server
