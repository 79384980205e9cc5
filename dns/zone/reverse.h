#pragma once

#include "conf/address.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace meshgate::dns::zone {

/// A name in the reverse trees, in-addr.arpa (RFC 1035 section 3.5) and ip6.arpa (RFC 3596
/// section 2.5), or part of one: "240.in-addr.arpa" spells 240.0.0.0/8.
class ReverseName {
public:
    /// @param name lower-case wire form. Empty for a name outside both trees.
    static std::optional<ReverseName> parse(std::span<const std::uint8_t> name) noexcept;

    /// What the labels spell, from the right, up to the first that spells nothing.
    [[nodiscard]] const conf::Cidr& network() const noexcept { return network_; }
    /// Every label spells a part of the address: false for "www.240.in-addr.arpa".
    [[nodiscard]] bool exact() const noexcept { return spelling_labels_ == labels_; }
    /// It spells one address.
    [[nodiscard]] bool is_address() const noexcept;
    /// Bytes of the shortest end of the name that spells `prefix` bits or more: the apex of a zone
    /// within that prefix. @pre prefix <= network().prefix
    [[nodiscard]] std::size_t suffix_bytes(unsigned prefix) const noexcept;

private:
    ReverseName() = default;
    void read_labels(std::span<const std::uint8_t> name, conf::Family family) noexcept;

    conf::Cidr network_;
    std::array<std::uint8_t, 128> starts_{};  ///< of each label, from the left
    std::size_t labels_ = 0, spelling_labels_ = 0;
    std::size_t name_bytes_ = 0, tree_bytes_ = 0;
};

/// From address to the entry of its name; sorted, so that it costs no more than its data.
class ReverseIndex {
public:
    /// The first name of an address stays.
    void add(const conf::IpAddress& address, std::uint32_t entry);
    void finish();

    [[nodiscard]] std::optional<std::uint32_t> find(const conf::IpAddress& address) const noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept {
        return ipv4_.capacity() * sizeof ipv4_[0] + ipv6_.capacity() * sizeof ipv6_[0];
    }
    /// Whether any address of the network has a name.
    [[nodiscard]] bool any_in(const conf::Cidr& network) const noexcept;

private:
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ipv4_;
    std::vector<std::pair<conf::IpAddress, std::uint32_t>> ipv6_;
};

}  // namespace meshgate::dns::zone
