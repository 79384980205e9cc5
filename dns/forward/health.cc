#include "dns/forward/health.h"

#include <algorithm>

namespace meshgate::dns::forward {
namespace {

constexpr unsigned failures_until_down = 3;
constexpr std::chrono::seconds pause_min{1};
constexpr std::chrono::seconds pause_max{30};

}  // namespace

void Health::replied() noexcept {
    up_ = true;
    failures_ = 0;
    pause_ = pause_min;
}

Health::Change Health::failed(Clock::time_point now) noexcept {
    if (!up_ || ++failures_ < failures_until_down) return Change::none;
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
