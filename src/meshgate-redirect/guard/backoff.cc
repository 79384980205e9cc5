#include "src/meshgate-redirect/guard/backoff.h"

#include <algorithm>

namespace meshgate::redirect {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t at_once_max = 10;  // repairs in `window`: a reload of a firewall makes a few
constexpr auto window = 10s;
constexpr auto first_pause = 1s;
constexpr auto longest_pause = 60s;
constexpr auto first_retry = 100ms;
constexpr auto between_looks = 1s;
constexpr auto calm = 120s;  // after that long without damage it is over

}  // namespace

Backoff::Clock::duration Backoff::next(Clock::time_point now) {
    if (!recent_.empty() && now - recent_.back() > calm) {
        recent_.clear();
        pause_ = Clock::duration::zero();
    }
    while (!is_fight() && !recent_.empty() && now - recent_.front() > window) {
        recent_.pop_front();
    }
    recent_.push_back(now);
    if (recent_.size() > at_once_max) recent_.pop_front();
    pause_before_ = pause_;
    if (is_fight()) {
        pause_ = std::min<Clock::duration>(2 * pause_, longest_pause);
    } else if (recent_.size() == at_once_max && now - recent_.front() <= window) {
        pause_ = first_pause;
    }
    return pause_;
}

void Backoff::was_nothing() noexcept {
    if (!recent_.empty()) recent_.pop_back();
    pause_ = pause_before_;
}

Looks::Clock::duration Looks::pause(Clock::time_point now) {
    while (!recent_.empty() && now - recent_.front() > window) recent_.pop_front();
    if (recent_.size() < at_once_max) return Clock::duration::zero();
    return std::max<Clock::duration>(recent_.back() + between_looks - now, 0s);
}

Looks::Clock::duration Looks::next(Clock::time_point now) {
    if (!recent_.empty() && recent_.back() > now) return recent_.back() - now;  // the same one
    const auto wait = pause(now);
    note(now + wait);
    return wait;
}

void Looks::note(Clock::time_point when) {
    recent_.push_back(when);
    if (recent_.size() > at_once_max) recent_.pop_front();
}

Retry::Clock::duration Retry::next() noexcept {
    pause_ = std::clamp<Clock::duration>(2 * pause_, first_retry, longest_pause);
    return pause_;
}

}  // namespace meshgate::redirect
