#pragma once

#include <compare>
#include <cstdint>

/// The plain words of both programs: ports, users, protocols. Small, because half of the code
/// includes it.
namespace meshgate::conf {

using Uid = std::uint32_t;
using Port = std::uint16_t;

inline constexpr Uid uid_max = 4294967294;  // the one above means "unchanged" to the kernel

inline constexpr Port dns_port = 53;  ///< RFC 1035 section 4.2

/// Inclusive.
struct PortRange {
    Port first = 0;
    Port last = 0;

    friend auto operator<=>(const PortRange&, const PortRange&) noexcept = default;
};

/// Inclusive; 32-bit (DynamicUser, subuid and OpenShift use high uids).
struct UidRange {
    Uid first = 0;
    Uid last = 0;

    friend auto operator<=>(const UidRange&, const UidRange&) noexcept = default;
};

enum class Protocol : std::uint8_t { tcp, udp };

}  // namespace meshgate::conf
