#include "src/health/liveness.h"

#include <algorithm>

namespace meshgate::health {

bool Liveness::checked(bool good) noexcept {
    const bool is_first = !checked_;
    checked_ = true;
    if (good == alive_) {
        contrary_ = 0;
        return false;
    }
    ++contrary_;
    if (!is_first && contrary_ < (good ? rise_ : fall_)) return false;
    alive_ = good;
    contrary_ = 0;
    return true;
}

std::vector<bool> to_be_used(std::vector<bool> alive, unsigned panic) {
    const auto living = static_cast<std::size_t>(std::count(alive.begin(), alive.end(), true));
    if (living * 100 < std::size_t{panic} * alive.size()) alive.assign(alive.size(), true);
    return alive;
}

}  // namespace meshgate::health
