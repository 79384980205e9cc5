#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace meshgate::dns::wire {

/// A secret chosen at random for each table: who sends the queries cannot aim at one bucket.
struct HashKey {
    std::uint64_t k0 = 0, k1 = 0;
};

HashKey random_hash_key();  ///< getrandom(2). @throws std::system_error

/// SipHash-1-3 (Aumasson, Bernstein 2012). Words are read as the machine has them: the hash never
/// leaves the process.
inline std::uint64_t siphash64(const HashKey& key, std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575, v1 = key.k1 ^ 0x646f72616e646f6d;
    std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261, v3 = key.k1 ^ 0x7465646279746573;
    // Not left to the compiler: at -O2 it makes functions of them, and they are the whole cost.
    const auto round = [&]() __attribute__((always_inline)) {
        v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
        v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    };
    const auto absorb = [&](std::uint64_t word) __attribute__((always_inline)) {
        v3 ^= word;
        round();
        v0 ^= word;
    };
    const std::size_t whole = bytes.size() & ~std::size_t{7};
    for (std::size_t at = 0; at < whole; at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        absorb(word);
    }
    std::uint64_t last = std::uint64_t{bytes.size()} << 56U;
    for (std::size_t i = whole; i < bytes.size(); ++i) {
        last |= std::uint64_t{bytes[i]} << (8 * (i - whole));
    }
    absorb(last);
    v2 ^= 0xff;
    round(), round(), round();
    return v0 ^ v1 ^ v2 ^ v3;
}

/// Cut to the 32 bits that NameIndex keeps.
inline std::uint32_t siphash(const HashKey& key, std::span<const std::uint8_t> bytes) noexcept {
    const std::uint64_t hash = siphash64(key, bytes);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32U));
}

}  // namespace meshgate::dns::wire
