#pragma once

#include "conf/address.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace meshgate::dns::zone {

/// Names with addresses, many in three arrays: a hundred thousand of them are a hundred thousand
/// times some 70 bytes, and no allocation each.
class HostList {
public:
    struct Host {
        std::span<const std::uint8_t> name;  ///< lower-case wire form
        std::span<const conf::IpAddress> addresses;
        bool canonical = true;  ///< its addresses have it for their name (PTR)
    };

    /// Appends a name. @throws std::length_error beyond 4 GiB of names or 65,535 addresses of one.
    void add(std::span<const std::uint8_t> name, std::span<const conf::IpAddress> addresses,
             bool canonical = true);

    /// Gives a name other addresses; its place stays. @throws as add() does.
    void replace(std::size_t index, std::span<const conf::IpAddress> addresses);

    [[nodiscard]] std::size_t size() const noexcept { return hosts_.size(); }
    [[nodiscard]] Host operator[](std::size_t index) const noexcept;
    void shrink_to_fit();

private:
    struct Place {
        std::uint32_t name = 0;  ///< in names_
        std::uint32_t addresses = 0;
        std::uint16_t count = 0;
        std::uint8_t name_bytes = 0;
        bool canonical = true;
    };

    /// The place of addresses, appended.
    void append(std::span<const conf::IpAddress> addresses, Place& to);

    std::vector<std::uint8_t> names_;
    std::vector<conf::IpAddress> addresses_;
    std::vector<Place> hosts_;
};

}  // namespace meshgate::dns::zone
