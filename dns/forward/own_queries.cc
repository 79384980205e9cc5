#include "dns/forward/own_queries.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace meshgate::dns::forward::own_queries {
namespace {

constexpr std::size_t slots = 65536;

// Shared by the workers: each slot is one word, written and read whole.
std::array<std::atomic<std::uint64_t>, slots>& table() noexcept {
    static std::array<std::atomic<std::uint64_t>, slots> instance{};
    return instance;
}

std::atomic<std::uint64_t>& slot(std::uint64_t fingerprint) noexcept {
    return table()[fingerprint % slots];
}

}  // namespace

std::uint64_t fingerprint(std::span<const std::uint8_t> message, std::size_t question_end,
                          std::uint16_t source_port) noexcept {
    // FNV-1a: nobody gains by a collision, who can make one is already this process' own resolver.
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto absorb = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
    absorb(static_cast<std::uint8_t>(source_port >> 8U));
    absorb(static_cast<std::uint8_t>(source_port));
    absorb(message[0]);
    absorb(message[1]);
    for (std::size_t at = 12; at < question_end && at < message.size(); ++at) absorb(message[at]);
    hash ^= hash >> 29U;
    return std::max<std::uint64_t>(hash, 1);
}

void add(std::uint64_t fingerprint) noexcept {
    slot(fingerprint).store(fingerprint, std::memory_order_relaxed);
}

void remove(std::uint64_t fingerprint) noexcept {
    std::uint64_t expected = fingerprint;
    slot(fingerprint).compare_exchange_strong(expected, 0, std::memory_order_relaxed);
}

bool contains(std::uint64_t fingerprint) noexcept {
    return slot(fingerprint).load(std::memory_order_relaxed) == fingerprint;
}

}  // namespace meshgate::dns::forward::own_queries
