#pragma once

#include <cstddef>
#include <vector>

namespace meshgate::health {

/// Whether an endpoint is alive, by its checks. Until its first one it is taken for what it is said
/// to be; that one decides at once, later ones only in a row.
class Liveness {
public:
    /// @param rise  good checks in a row until a dead one is alive, 1 at least
    /// @param fall  bad ones until one that is alive is dead, 1 at least
    Liveness(unsigned rise, unsigned fall, bool alive = true) noexcept
        : rise_(rise), fall_(fall), alive_(alive) {}

    /// @return true when it died or came to life by this.
    bool checked(bool good) noexcept;

    [[nodiscard]] bool is_alive() const noexcept { return alive_; }
    [[nodiscard]] bool is_checked() const noexcept { return checked_; }

private:
    unsigned rise_, fall_;
    unsigned contrary_ = 0;  ///< checks in a row that say the other thing
    bool alive_;
    bool checked_ = false;
};

/// The endpoints of a service that are to be used: those alive; or all, when fewer than `panic` per
/// cent are, since then the checks are as likely wrong as the endpoints (Envoy's panic threshold).
/// @param panic  0: never
std::vector<bool> to_be_used(std::vector<bool> alive, unsigned panic);

}  // namespace meshgate::health
