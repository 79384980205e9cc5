#pragma once

#include <chrono>

namespace meshgate::dns::forward {

using Clock = std::chrono::steady_clock;

/// Whether a server is worth asking, learnt from its replies and silences.
class Health {
public:
    enum class Change : unsigned char { none, went_down };

    void replied() noexcept;
    /// No reply in time, refused, unreachable.
    Change failed(Clock::time_point now) noexcept;

    [[nodiscard]] bool up() const noexcept { return up_; }
    /// True for a server that is down, after 1 s, 2 s, 4 s and so on, every 30 s in the end.
    [[nodiscard]] bool probe_due(Clock::time_point now) noexcept;

private:
    bool up_ = true;
    unsigned failures_ = 0;  ///< in a row
    std::chrono::seconds pause_{1};
    Clock::time_point probe_at_;
};

}  // namespace meshgate::dns::forward
