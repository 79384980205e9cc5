#pragma once

#include <chrono>
#include <deque>

namespace meshgate::redirect {

/// How eager to repair. What is damaged once in a while is repaired at once; whoever damages it
/// again and again (a second guard, an installer that runs in a loop) is answered ever more slowly,
/// so that two do not keep a machine busy.
class Backoff {
public:
    using Clock = std::chrono::steady_clock;

    /// A repair is due. @return how long it has to wait: zero as long as it is no fight, then 1 s
    /// and twice as long each time, 60 s at most.
    Clock::duration next(Clock::time_point now);

    /// More damage than in any life but a fight.
    [[nodiscard]] bool is_fight() const noexcept { return pause_ > Clock::duration::zero(); }

private:
    std::deque<Clock::time_point> recent_;
    Clock::duration pause_{0};
};

/// When to look because events were lost, which may hide damage: at once, but where they are lost
/// again and again (somebody loads a large set, or a million routes) once a second. Nobody is
/// blamed for it: it is no fight.
class LossPace {
public:
    using Clock = std::chrono::steady_clock;

    /// @return how long the look has to wait
    Clock::duration next(Clock::time_point now);

private:
    Clock::time_point due_{Clock::time_point::min()};  ///< the last look
};

/// When to try again what did not go: soon, then ever later, 60 s at most.
class Retry {
public:
    using Clock = std::chrono::steady_clock;

    /// 100 ms, and twice as long each time.
    Clock::duration next() noexcept;
    void went_well() noexcept { pause_ = Clock::duration::zero(); }

private:
    Clock::duration pause_{0};
};

}  // namespace meshgate::redirect
