#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The queries that this process has under way, all workers together: a redirect may bring one back
/// to any of them. A fixed table of fingerprints without locks: one that is overwritten goes
/// undetected, one that is there is never mistaken for another.
namespace meshgate::dns::forward::own_queries {

/// Of id, source port and the question section: what a redirect leaves as it was. Never 0.
std::uint64_t fingerprint(std::span<const std::uint8_t> message, std::size_t question_end,
                          std::uint16_t source_port) noexcept;

void add(std::uint64_t fingerprint) noexcept;
void remove(std::uint64_t fingerprint) noexcept;
[[nodiscard]] bool contains(std::uint64_t fingerprint) noexcept;

}  // namespace meshgate::dns::forward::own_queries
