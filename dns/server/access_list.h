#pragma once

#include "conf/address.h"
#include "dns/server/udp_path.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace meshgate::dns::server {

/// The clients beyond loopback that may ask, compiled: ranges, sorted and without overlap.
/// Immutable; shared by the workers, swapped whole.
class AccessList {
public:
    /// @param networks  an IPv4-mapped one is the IPv4 network.
    /// @param links     indices of the interfaces whose link-local IPv6 clients may ask, whatever
    ///   `networks` says: fe80::/64 is the network of every interface.
    explicit AccessList(std::span<const conf::Cidr> networks,
                        std::span<const std::uint32_t> links = {});

    [[nodiscard]] bool allows(const Peer& client) const noexcept;

    friend bool operator==(const AccessList&, const AccessList&) = default;

private:
    template <class Address>
    struct Range {
        Address first, last;

        friend bool operator==(const Range&, const Range&) = default;
    };
    using Ipv6 = std::array<std::uint8_t, 16>;

    template <class Address>
    static void merge(std::vector<Range<Address>>& ranges);
    template <class Address>
    static bool holds(const std::vector<Range<Address>>& ranges, const Address& address) noexcept;

    std::vector<Range<std::uint32_t>> ipv4_;
    std::vector<Range<Ipv6>> ipv6_;
    std::vector<std::uint32_t> links_;
};

}  // namespace meshgate::dns::server
