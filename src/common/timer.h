#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace meshgate {

/// One wait at a time, on the thread that runs the context. What was given up (cancel(), another
/// wait, the end of the timer) is never called, not even when its time had come already.
///
/// Asio's timers are compiled into one file by it: each place that uses them itself takes a second
/// of the build.
class Timer {
public:
    using Clock = std::chrono::steady_clock;

    explicit Timer(boost::asio::io_context& context);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// `expired` may start the next wait, and may end the timer. It must not own what owns the
    /// timer: a weak_ptr does.
    void wait_until(Clock::time_point when, std::function<void()> expired);
    void wait_for(Clock::duration time, std::function<void()> expired);
    void cancel() noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace meshgate
