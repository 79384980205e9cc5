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

    /// What the last repair was for was no damage: it does not count.
    void was_nothing() noexcept;

    /// More damage than in any life but a fight.
    [[nodiscard]] bool is_fight() const noexcept { return pause_ > Clock::duration::zero(); }

private:
    std::deque<Clock::time_point> recent_;
    Clock::duration pause_{0}, pause_before_{0};  ///< of the last repair, and of the one before
};

/// When to look although nothing may be wrong: events were lost, or what somebody did to the rules
/// left them as they are (a second guard with the same configuration). At once, but where it comes
/// again and again once a second. Nobody is blamed for it: it is no fight.
class Looks {
public:
    using Clock = std::chrono::steady_clock;

    /// A look is due. @return how long it has to wait
    Clock::duration next(Clock::time_point now);
    /// How long one would have to wait.
    [[nodiscard]] Clock::duration pause(Clock::time_point now);
    /// There was one, and nothing was wrong.
    void note(Clock::time_point when);

private:
    std::deque<Clock::time_point> recent_;  ///< the last of them may be still to come
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
