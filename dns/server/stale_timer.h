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

/// Calls for each ticket after stale_patience. All wait equally long, so a queue is enough.
class StaleTimer {
public:
    /// @param capacity  tickets that wait at most; further ones are not called for.
    StaleTimer(boost::asio::io_context& context, std::size_t capacity,
               std::function<void(std::uint64_t)> expired)
        : timer_(context), capacity_(capacity), expired_(std::move(expired)) {}

    void add(std::uint64_t ticket);

private:
    void arm();
    void on_timer();

    Timer timer_;
    std::size_t capacity_;
    std::function<void(std::uint64_t)> expired_;
    std::deque<std::pair<Timer::Clock::time_point, std::uint64_t>> waiting_;
};

}  // namespace meshgate::dns::server
