#pragma once

#include <chrono>
#include <optional>

namespace meshgate::dns::forward {

using Clock = std::chrono::steady_clock;

/// Whether a server is worth asking, learnt from its replies and silences.
class Health {
public:
    enum class Change : unsigned char { none, went_down };

    void replied() noexcept;
    /// A reply to a query that was sent once, so that it is known which of its datagrams was
    /// answered (Karn's algorithm), came after this time.
    void took(Clock::duration time) noexcept;

    enum class Failure : unsigned char {
        no_reply,  ///< in time, or refused, or unreachable
        late       ///< no reply yet when one was to be expected, and another server is asked too
    };
    Change failed(Clock::time_point now, Failure how = Failure::no_reply) noexcept;

    /// The smoothed time to a reply; none before the first (RFC 6298 section 2).
    [[nodiscard]] std::optional<Clock::duration> smoothed_time() const noexcept {
        return smoothed_;
    }
    /// When a reply that has not come is late: the smoothed time and four times its variation.
    [[nodiscard]] std::optional<Clock::duration> expected_within() const noexcept {
        if (!smoothed_) return std::nullopt;
        return *smoothed_ + 4 * variation_;
    }

    [[nodiscard]] bool up() const noexcept { return up_; }
    /// True for a server that is down, after 1 s, 2 s, 4 s and so on, every 30 s in the end.
    [[nodiscard]] bool probe_due(Clock::time_point now) noexcept;

private:
    bool up_ = true;
    unsigned failures_ = 0;  ///< in a row; a late one is half of one
    std::optional<Clock::duration> smoothed_;
    Clock::duration variation_{};
    std::chrono::seconds pause_{1};
    Clock::time_point probe_at_;
};

}  // namespace meshgate::dns::forward
