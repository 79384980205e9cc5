#include "dns/server/rate_limiter.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace meshgate::dns::server {
namespace {

/// What counts as one source: an IPv4 address, an IPv6 /64 (a host has as many addresses as it
/// likes in its own).
std::span<const std::uint8_t> source_prefix(const Peer& source) noexcept {
    if (source.generic.sa_family == AF_INET) {
        return {reinterpret_cast<const std::uint8_t*>(&source.v4.sin_addr), 4};
    }
    const auto* const bytes = source.v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&source.v6.sin6_addr)) return {bytes + 12, 4};
    return {bytes, 8};
}

}  // namespace

RateLimiter::RateLimiter() : key_(wire::random_hash_key()) {}

void RateLimiter::set_rate(std::uint32_t queries_per_second) noexcept {
    if (queries_per_second == rate_) return;
    rate_ = queries_per_second;
    interval_ = rate_ == 0 ? 0 : second / rate_;
    memory_.reset();
}

/// The bucket of the source, or one that is made its own.
RateLimiter::Bucket& RateLimiter::bucket_of(const Peer& source, std::uint64_t now) noexcept {
    const std::uint64_t hash = wire::siphash64(key_, source_prefix(source));
    const auto tag = static_cast<std::uint32_t>(hash >> 32U);
    Set& set = reinterpret_cast<Set*>(memory_.bytes().data())[hash % sets];
    Bucket* spare = set.buckets;
    for (Bucket& bucket : set.buckets) {
        if (bucket.tag == tag && bucket.full_at > now) return bucket;
        if (bucket.full_at < spare->full_at) spare = &bucket;
    }
    *spare = {now, tag, 0};
    return *spare;
}

RateLimiter::Judgement RateLimiter::judge(const Peer& source,
                                          std::chrono::steady_clock::time_point now) noexcept {
    if (interval_ == 0) return Judgement::within;
    const auto time =
        static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::nanoseconds{1});
    Bucket& bucket = bucket_of(source, time);
    if (bucket.full_at + interval_ <= time + second) {
        bucket.full_at += interval_;
        bucket.over = 0;
        return Judgement::within;
    }
    return ++bucket.over % 2 == 1 ? Judgement::truncate : Judgement::drop;
}

}  // namespace meshgate::dns::server
