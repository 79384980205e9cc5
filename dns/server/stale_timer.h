#pragma once

#include "src/common/timer.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

namespace meshgate::dns::server {

/// How long a client waits for an upstream before it gets something stale (RFC 8767 section 5: the
/// client response timer).
inline constexpr std::chrono::milliseconds stale_patience{1800};

/// How long a client waits at most for the first names of a feed (design.md section 4).
inline constexpr std::chrono::milliseconds feed_patience{1000};

/// Calls for each ticket after a time. All wait equally long, so a queue is enough.
class StaleTimer {
public:
    /// @param capacity  tickets that wait at most; further ones are not called for.
    StaleTimer(boost::asio::io_context& context, std::size_t capacity,
               std::chrono::milliseconds time, std::function<void(std::uint64_t)> expired)
        : timer_(context), capacity_(capacity), time_(time), expired_(std::move(expired)) {}

    void add(std::uint64_t ticket);

    using Waiting = std::deque<std::pair<Timer::Clock::time_point, std::uint64_t>>;
    /// Those that it would have called for; it calls for none of them.
    Waiting take_all() noexcept;

private:
    void arm();
    void on_timer();

    Timer timer_;
    std::size_t capacity_;
    std::chrono::milliseconds time_;
    std::function<void(std::uint64_t)> expired_;
    Waiting waiting_;
};

}  // namespace meshgate::dns::server
