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

using Gid = std::uint32_t;

inline constexpr Gid gid_max = uid_max;

/// Inclusive; a type of its own, for users and groups are not to be taken for each other.
struct GidRange {
    Gid first = 0;
    Gid last = 0;

    friend auto operator<=>(const GidRange&, const GidRange&) noexcept = default;
};

/// What SO_MARK puts on the packets of a socket, also called fwmark.
using Mark = std::uint32_t;

inline constexpr Mark whole_mark = ~Mark{0};

/// The packets whose mark has `value` in the bits of `mask`.
struct MaskedMark {
    Mark value = 0;  ///< not 0, no bit outside of `mask`
    Mark mask = whole_mark;

    friend auto operator<=>(const MaskedMark&, const MaskedMark&) noexcept = default;
};

enum class Protocol : std::uint8_t { tcp, udp };

}  // namespace meshgate::conf
