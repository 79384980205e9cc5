#pragma once

#include "conf/address.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::conf {

enum class CheckKind : std::uint8_t { tcp, http };

/// How it is found out which endpoints of a service are alive: `[service.health]`.
struct HealthCheck {
    CheckKind kind = CheckKind::tcp;
    std::optional<std::uint16_t> port;   ///< unset: the endpoint's
    std::string path = "/";              ///< of http: from '/' on, with "?..." if any
    std::string host;                    ///< of http: the field Host; empty: the service's name
    std::vector<std::uint16_t> status;   ///< of http: what is good; empty: 200 to 399
    std::string body;                    ///< of http: the answer has it in its first 64 KiB
    std::chrono::milliseconds interval{2000};  ///< from one check to the next, 100 ms to 1 h
    std::chrono::milliseconds timeout{1000};   ///< of the whole check, 10 ms to 1 min; interval at most
    unsigned rise = 2;   ///< good checks in a row until one that was dead is alive, 1..100
    unsigned fall = 3;   ///< bad ones until one that was alive is dead, 1..100
    unsigned panic = 0;  ///< per cent: with fewer of them alive all are used; 0: never
    bool cut = false;    ///< connections to one that died are ended

    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

/// None, or one: few of many services have any.
struct MaybeHealthCheck {
    std::shared_ptr<const HealthCheck> check;

    explicit operator bool() const noexcept { return check != nullptr; }
    const HealthCheck& operator*() const noexcept { return *check; }
    const HealthCheck* operator->() const noexcept { return check.get(); }
    friend bool operator==(const MaybeHealthCheck& a, const MaybeHealthCheck& b) {
        return a.check == b.check || (a && b && *a == *b);
    }
};

}  // namespace meshgate::conf
