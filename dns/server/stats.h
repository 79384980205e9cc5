#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

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

/// Types that queries are counted by; the last stands for all others.
inline constexpr std::array<std::pair<std::string_view, std::uint16_t>, 18> counted_types{
    {{"A", 1},
     {"AAAA", 28},
     {"ANY", 255},
     {"CNAME", 5},
     {"DNSKEY", 48},
     {"DS", 43},
     {"HTTPS", 65},
     {"MX", 15},
     {"NAPTR", 35},
     {"NS", 2},
     {"NSEC", 47},
     {"NSEC3", 50},
     {"PTR", 12},
     {"RRSIG", 46},
     {"SOA", 6},
     {"SRV", 33},
     {"TXT", 16},
     {"other", 0}}};

/// The place of a type in counted_types.
std::size_t counted_as(std::uint16_t type) noexcept;

/// Queries, by type.
class QueryCounter {
public:
    void add(std::uint16_t type) noexcept { by_type_[counted_as(type)].add(); }
    [[nodiscard]] std::uint64_t get() const noexcept {
        std::uint64_t sum = 0;
        for (const Counter& counter : by_type_) sum += counter.get();
        return sum;
    }
    /// @param place  of a type in counted_types
    [[nodiscard]] const Counter& of(std::size_t place) const noexcept { return by_type_[place]; }

private:
    std::array<Counter, counted_types.size()> by_type_;
};

inline constexpr std::size_t rcode_count =
    24;  ///< 0..22 as they are (RFC 6895), the rest in the last
inline constexpr std::array<double, 14> duration_buckets_seconds{
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001,
    0.0025,  0.005,    0.01,    0.05,   0.25,    1,      5};

/// What one worker counted since it started. The admin endpoint adds the workers up.
struct alignas(64) WorkerStats {
    std::array<std::array<QueryCounter, 2>, 2> queries;         ///< [Proto][AddressFamily]
    std::array<std::array<Counter, rcode_count>, 5> responses;  ///< [Source][rcode]
    std::array<Counter, dropped_names.size()> dropped;          ///< [Dropped]
    Counter loops;            ///< queries of our own that a redirect or an upstream brought back
    Counter ignored_replies;  ///< from upstreams: wrong address, id or question
    Gauge cache_entries, cache_bytes;
    std::array<Counter, duration_buckets_seconds.size() + 1>
        durations;                 ///< not cumulative; the last is +Inf
    Counter duration_nanoseconds;  ///< their sum

    /// @param type  of the question; 0 when it had none that could be read.
    void received(Proto proto, AddressFamily family, std::uint16_t type) noexcept {
        queries[static_cast<std::size_t>(proto)][static_cast<std::size_t>(family)].add(type);
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
