#include "dns/forward/health.h"

#include <algorithm>

namespace meshgate::dns::forward {
namespace {

constexpr unsigned failures_until_down = 6, late = 1, no_reply = 2;
constexpr std::chrono::seconds pause_min{1};
constexpr std::chrono::seconds pause_max{30};

}  // namespace

void Health::replied() noexcept {
    up_ = true;
    failures_ = 0;
    pause_ = pause_min;
}

/// RFC 6298 section 2.3: the eighth part of what is new, of the variation the fourth.
void Health::took(Clock::duration time) noexcept {
    if (!smoothed_) {
        smoothed_ = time;
        variation_ = time / 2;
        return;
    }
    const auto off = time > *smoothed_ ? time - *smoothed_ : *smoothed_ - time;
    variation_ += (off - variation_) / 4;
    *smoothed_ += (time - *smoothed_) / 8;
}

Health::Change Health::failed(Clock::time_point now, Failure how) noexcept {
    if (!up_) return Change::none;
    failures_ += how == Failure::late ? late : no_reply;
    if (failures_ < failures_until_down) return Change::none;
    up_ = false;
    probe_at_ = now + pause_;
    return Change::went_down;
}

bool Health::probe_due(Clock::time_point now) noexcept {
    if (up_ || now < probe_at_) return false;
    pause_ = std::min(pause_ * 2, pause_max);
    probe_at_ = now + pause_;
    return true;
}

}  // namespace meshgate::dns::forward
