#include "dns/forward/own_queries.h"

#include "dns/wire/bytes.h"
#include "dns/wire/question.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>

namespace meshgate::dns::forward::own_queries {
namespace {

// For some thousand queries under way; few enough to stay in a core's cache.
constexpr std::size_t slots = 32768;

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
    // Quick, word by word: nobody gains by a collision, who can make one is already this process'
    // own resolver.
    std::uint64_t hash =
        0xcbf29ce484222325 ^ std::uint64_t{source_port} << 16U ^ wire::read16(message, 0);
    const auto absorb = [&hash](std::uint64_t word) {
        hash = std::rotl((hash ^ word) * 0x9e3779b97f4a7c15, 29);
    };
    const std::size_t end = std::min(question_end, message.size());
    std::size_t at = std::min<std::size_t>(wire::header_bytes, end);
    for (std::uint64_t word = 0; at + sizeof word <= end; at += sizeof word) {
        std::memcpy(&word, message.data() + at, sizeof word);
        absorb(word);
    }
    std::uint64_t last = 0;
    std::memcpy(&last, message.data() + at, end - at);
    absorb(last);
    hash = (hash ^ hash >> 32U) * 0x9e3779b97f4a7c15;
    return std::max<std::uint64_t>(hash ^ hash >> 29U, 1);
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
