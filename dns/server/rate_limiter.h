#pragma once

#include "dns/cache/memory.h"
#include "dns/server/udp_path.h"
#include "dns/wire/siphash.h"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace meshgate::dns::server {

/// How often a source may ask over UDP, where the address it gives may be somebody else's: a token
/// bucket for each IPv4 address and each IPv6 /64, that holds the queries of one second.
///
/// A table of fixed size. When it is full the source that is nearest to having all of its tokens
/// again is forgotten: those that ask too often are remembered longest. Belongs to one worker.
class RateLimiter {
public:
    enum class Judgement : std::uint8_t {
        within,
        truncate,  ///< too often: an empty answer with TC=1. Who is real comes back over TCP
        drop       ///< too often, and the one before got the answer
    };

    RateLimiter();  ///< @throws std::bad_alloc, std::system_error

    /// @param queries_per_second  0: no limit. A new one begins anew with all sources.
    void set_rate(std::uint32_t queries_per_second) noexcept;

    /// @param now  never before that of an earlier call.
    Judgement judge(const Peer& source, std::chrono::steady_clock::time_point now) noexcept;

    static constexpr std::size_t sources_max = 16384;

private:
    static constexpr std::uint64_t second = 1'000'000'000;
    static constexpr std::size_t ways = 4;
    static constexpr std::size_t sets = sources_max / ways;

    /// The generic cell rate algorithm (ITU-T I.371): one time says how full the bucket is.
    struct Bucket {
        std::uint64_t full_at;  ///< when it has all its tokens; 0 or past: as good as never used
        std::uint32_t tag;      ///< of the source
        std::uint32_t over;     ///< queries above the limit, in a row
    };
    struct alignas(64) Set {
        Bucket buckets[ways];
    };

    [[nodiscard]] Bucket& bucket_of(const Peer& source, std::uint64_t now) noexcept;

    wire::HashKey key_;
    cache::Memory memory_{sets * sizeof(Set)};  ///< touched when somebody from outside asks
    std::uint64_t interval_ = 0;                ///< ns for each token; 0: no limit
    std::uint32_t rate_ = 0;
};

}  // namespace meshgate::dns::server
