#pragma once

#include "conf/address.h"

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace meshgate::dns::zone {

/// The address of a whole reverse name in lower-case wire form ("7.0.0.240.in-addr.arpa", 32
/// nibbles below "ip6.arpa").
std::optional<conf::IpAddress> parse_reverse_name(std::span<const std::uint8_t> name) noexcept;

/// From address to the entry of its name; sorted, so that it costs no more than its data.
class ReverseIndex {
public:
    /// The first name of an address stays.
    void add(const conf::IpAddress& address, std::uint32_t entry);
    void finish();

    [[nodiscard]] std::optional<std::uint32_t> find(const conf::IpAddress& address) const noexcept;

private:
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ipv4_;
    std::vector<std::pair<conf::IpAddress, std::uint32_t>> ipv6_;
};

}  // namespace meshgate::dns::zone
