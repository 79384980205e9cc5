#include "netfilter/nftnl/standstill.h"

#include <algorithm>
#include <thread>

namespace meshgate::netfilter {

bool Standstill::wait() {
    constexpr std::chrono::microseconds most{20000};
    if (std::chrono::steady_clock::now() >= end_) return false;
    std::uniform_int_distribution<std::chrono::microseconds::rep> pause{0, longest_.count()};
    std::this_thread::sleep_for(std::chrono::microseconds{pause(random_)});
    longest_ = std::min(longest_ * 2, most);
    return true;
}

}  // namespace meshgate::netfilter
