#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meshgate::dns::server {

enum class Proto : std::uint8_t { udp, tcp };
enum class AddressFamily : std::uint8_t { ipv4, ipv6 };
enum class Source : std::uint8_t {
    owned,
    cache,
    stale,
    upstream,
    local
};  ///< local: errors made here
enum class Dropped : std::uint8_t {
    malformed,    ///< shorter than a header, or a response: no answer (answering could loop)
    overload,     ///< too many in flight: not forwarded, answered SERVFAIL
    send_failed,  ///< an answer the kernel did not take
    tcp_limit,    ///< a connection refused, or cut for not reading its answers
    duplicate,    ///< the same query of the same client is in flight: one answer serves both
    rate          ///< a source asked too often
};
inline constexpr std::array<std::string_view, 6> dropped_names{
    "malformed", "overload", "send_failed", "tcp_limit", "duplicate", "rate"};

/// A counter with one writer, the worker, and any number of readers: plain loads and stores, no
/// locked instruction.
class Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A value with one writer, the worker, and any number of readers.
class Gauge {
public:
    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

inline constexpr std::size_t rcode_count =
    24;  ///< 0..22 as they are (RFC 6895), the rest in the last
inline constexpr std::array<double, 14> duration_buckets_seconds{
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001,
    0.0025,  0.005,    0.01,    0.05,   0.25,    1,      5};

/// What one worker counted since it started. The admin endpoint adds the workers up.
struct alignas(64) WorkerStats {
    std::array<std::array<Counter, 2>, 2> queries;              ///< [Proto][AddressFamily]
    std::array<std::array<Counter, rcode_count>, 5> responses;  ///< [Source][rcode]
    std::array<Counter, dropped_names.size()> dropped;          ///< [Dropped]
    Counter loops;            ///< queries of our own that a redirect or an upstream brought back
    Counter ignored_replies;  ///< from upstreams: wrong address, id or question
    Gauge cache_entries, cache_bytes;
    std::array<Counter, duration_buckets_seconds.size() + 1>
        durations;                 ///< not cumulative; the last is +Inf
    Counter duration_nanoseconds;  ///< their sum

    void received(Proto proto, AddressFamily family, std::uint64_t n = 1) noexcept {
        queries[static_cast<std::size_t>(proto)][static_cast<std::size_t>(family)].add(n);
    }
    void drop(Dropped why, std::uint64_t n = 1) noexcept {
        dropped[static_cast<std::size_t>(why)].add(n);
    }
    void responded(Source source, unsigned rcode) noexcept;
    /// `responses_sent` answers that took `each`, from the read that brought the query to the
    /// write of its answer.
    void took(std::chrono::nanoseconds each, std::uint64_t responses_sent = 1) noexcept;
};

}  // namespace meshgate::dns::server
