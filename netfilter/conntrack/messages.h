#pragma once

#include "netfilter/conntrack/connection.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

struct nlmsghdr;

namespace meshgate::netfilter {

/// A request to ctnetlink: its header, then attributes in the order they are put in. The longest
/// there is (a connection over IPv6 with everything) takes some 250 bytes.
class ConntrackMessage {
public:
    /// @param type    IPCTNL_MSG_CT_...
    /// @param family  AF_INET, AF_INET6, or AF_UNSPEC for both
    ConntrackMessage(std::uint8_t type, std::uint8_t family);

    void put_tuple(std::uint16_t type, conf::Protocol protocol, const Tuple& tuple,
                   std::uint16_t zone);
    void put_zone(std::uint16_t zone);
    void put_u32(std::uint16_t type, std::uint32_t value);
    /// An established TCP connection, of which the kernel knows no window.
    void put_established();

    nlmsghdr& header() noexcept;

private:
    void put(std::uint16_t type, std::span<const std::uint8_t> value);
    void put_u8(std::uint16_t type, std::uint8_t value);
    void put_u16(std::uint16_t type, std::uint16_t value);
    /// Runs `fill` and makes what it puts the content of one attribute.
    template <class Fill>
    void nest(std::uint16_t type, Fill fill);

    alignas(std::max_align_t) std::array<std::uint8_t, 512> buffer_{};
    std::size_t size_ = 0;
};

/// Names exactly this entry: by the tuple, its zone and the id, so that one that came after it is
/// not hit.
ConntrackMessage removal_of(const Connection& connection);

/// Asks for the entry of this original tuple.
ConntrackMessage question_for(conf::Protocol protocol, const Tuple& original);

/// Makes this entry: an answered connection that nothing translates (and for TCP an established
/// one), so that no rule of nat is asked about it. `reply` and `id` mean nothing.
ConntrackMessage entry_for(const Connection& connection);

}  // namespace meshgate::netfilter
