#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meshgate::conf {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// An IPv4 or IPv6 address in network byte order. Orders by family, then numerically.
class IpAddress {
public:
    IpAddress() noexcept = default;  ///< 0.0.0.0

    static IpAddress ipv4(std::span<const std::uint8_t, 4> bytes) noexcept;
    static IpAddress ipv6(std::span<const std::uint8_t, 16> bytes) noexcept;

    /// Strict text form (inet_pton): no port, no scope, no brackets. Empty when it is not an
    /// address.
    static std::optional<IpAddress> parse(std::string_view text) noexcept;

    [[nodiscard]] Family family() const noexcept { return family_; }
    /// 4 or 16 bytes, network order.
    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept;
    [[nodiscard]] bool is_loopback() const noexcept;     ///< 127.0.0.0/8 or ::1
    [[nodiscard]] bool is_link_local() const noexcept;   ///< 169.254.0.0/16 or fe80::/10
    [[nodiscard]] bool is_unspecified() const noexcept;  ///< 0.0.0.0 or ::
    /// An address that a connection can go to through the proxy: none of 0.0.0.0/8, 127.0.0.0/8,
    /// 224.0.0.0/4 and 255.255.255.255, none of ::, ::1, ff00::/8; of ::ffff:a.b.c.d, a.b.c.d.
    [[nodiscard]] bool can_be_virtual() const noexcept;
    /// The IPv4 address of ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
    [[nodiscard]] std::optional<IpAddress> unmapped() const noexcept;
    [[nodiscard]] std::string to_string() const;

    friend auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;

private:
    Family family_ = Family::ipv4;
    std::array<std::uint8_t, 16> bytes_{};  ///< IPv4 uses the first four; the rest stay 0
};

/// A network: base address with no bit set below the prefix.
struct Cidr {
    IpAddress base;
    std::uint8_t prefix = 0;  ///< bits, 0..32 or 0..128

    /// "10.0.0.0/8" or a bare address (its host prefix). Empty for anything else, host bits below
    /// the prefix included.
    static std::optional<Cidr> parse(std::string_view text) noexcept;

    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] bool contains(const Cidr& other) const noexcept;
    [[nodiscard]] IpAddress last() const noexcept;  ///< the highest address of the network
    /// The same network as IPv4, if it is one below ::ffff:0:0/96.
    [[nodiscard]] std::optional<Cidr> unmapped() const noexcept;
    [[nodiscard]] std::string to_string() const;  ///< always with "/prefix"

    friend auto operator<=>(const Cidr&, const Cidr&) noexcept = default;
};

/// An address with a port and, for link-local IPv6, the interface it belongs to.
struct SocketAddress {
    IpAddress address;
    std::uint16_t port = 0;
    std::string scope;  ///< interface name after '%', or empty

    /// "192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%eth0]:53"; without a port `default_port` is
    /// used ("::1" needs no brackets then). Empty when it is none of these or the port is 0.
    static std::optional<SocketAddress> parse(std::string_view text, std::uint16_t default_port);

    [[nodiscard]] std::string to_string() const;

    friend auto operator<=>(const SocketAddress&, const SocketAddress&) noexcept = default;
};

}  // namespace meshgate::conf
