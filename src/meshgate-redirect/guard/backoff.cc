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
    if (is_fight()) {
        pause_ = std::min<Clock::duration>(2 * pause_, longest_pause);
    } else if (recent_.size() == at_once_max && now - recent_.front() <= window) {
        pause_ = first_pause;
    }
    return pause_;
}

LossPace::Clock::duration LossPace::next(Clock::time_point now) {
    if (due_ <= now) due_ = std::max(now, due_ + between_looks);
    return due_ - now;
}

Retry::Clock::duration Retry::next() noexcept {
    pause_ = std::clamp<Clock::duration>(2 * pause_, first_retry, longest_pause);
    return pause_;
}

}  // namespace meshgate::redirect
