#include "src/common/timer.h"

#include "src/common/asio.h"

#include <cstdint>
#include <utility>

namespace meshgate {

/// Shared with the handler that Asio holds, which may outlive the timer.
struct Timer::State {
    explicit State(asio::io_context& context) : timer(context) {}

    asio::steady_timer timer;
    std::function<void()> expired;
    std::uint64_t wait = 0;  ///< which one: an expired handler may be queued when it is given up
};

Timer::Timer(asio::io_context& context) : state_(std::make_shared<State>(context)) {}

Timer::~Timer() {
    cancel();
}

void Timer::wait_until(Clock::time_point when, std::function<void()> expired) {
    state_->expired = std::move(expired);
    const auto wait = ++state_->wait;
    state_->timer.expires_at(when);
    state_->timer.async_wait([state = state_, wait](const boost::system::error_code& error) {
        if (error || wait != state->wait) return;
        // It may start the next wait.
        const auto expired_now = std::exchange(state->expired, nullptr);
        expired_now();
    });
}

void Timer::wait_for(Clock::duration time, std::function<void()> expired) {
    wait_until(Clock::now() + time, std::move(expired));
}

void Timer::cancel() noexcept {
    ++state_->wait;
    state_->expired = nullptr;
    state_->timer.cancel();  // never fails
}

}  // namespace meshgate
