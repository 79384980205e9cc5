#pragma once

#include <chrono>
#include <random>

namespace meshgate::netfilter {

/// For whoever needs several answers about one state of nf_tables, while others change it. How often
/// he is disturbed says nothing: who changes it may be slow, or do it many times. So it is a question
/// of time, and of letting the others get on meanwhile.
class Standstill {
public:
    explicit Standstill(std::chrono::milliseconds patience = std::chrono::seconds{30})
        : end_(std::chrono::steady_clock::now() + patience) {}

    /// Waits a moment before the next attempt: a random one, so that two do not keep step, of up to
    /// 0.1 ms, twice as long each time, 20 ms at most.
    /// @return false when the patience is over
    bool wait();

private:
    std::chrono::steady_clock::time_point end_;
    std::chrono::microseconds longest_{100};
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace meshgate::netfilter
