#include "dns/server/stale_timer.h"

namespace meshgate::dns::server {

void StaleTimer::add(std::uint64_t ticket) {
    if (waiting_.size() == capacity_) return;
    waiting_.emplace_back(Timer::Clock::now() + time_, ticket);
    if (waiting_.size() == 1) arm();
}

StaleTimer::Waiting StaleTimer::take_all() noexcept {
    timer_.cancel();
    return std::exchange(waiting_, {});
}

void StaleTimer::arm() {
    timer_.wait_until(waiting_.front().first, [this] { on_timer(); });
}

void StaleTimer::on_timer() {
    const auto now = Timer::Clock::now();
    while (!waiting_.empty() && waiting_.front().first <= now) {
        const std::uint64_t ticket = waiting_.front().second;
        waiting_.pop_front();
        expired_(ticket);
    }
    if (!waiting_.empty()) arm();
}

}  // namespace meshgate::dns::server
