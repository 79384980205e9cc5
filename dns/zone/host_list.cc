#include "dns/zone/host_list.h"

#include <limits>
#include <stdexcept>

namespace meshgate::dns::zone {

void HostList::append(std::span<const conf::IpAddress> addresses, Place& to) {
    if (addresses.size() > std::numeric_limits<std::uint16_t>::max() ||
        addresses_.size() + addresses.size() > std::numeric_limits<std::uint32_t>::max()) {
        throw std::length_error("too many addresses");
    }
    to.addresses = static_cast<std::uint32_t>(addresses_.size());
    to.count = static_cast<std::uint16_t>(addresses.size());
    addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
}

void HostList::add(std::span<const std::uint8_t> name, std::span<const conf::IpAddress> addresses,
                   bool canonical) {
    if (names_.size() + name.size() > std::numeric_limits<std::uint32_t>::max() ||
        name.size() > std::numeric_limits<std::uint8_t>::max()) {
        throw std::length_error("too many names");
    }
    Place place;
    place.name = static_cast<std::uint32_t>(names_.size());
    place.name_bytes = static_cast<std::uint8_t>(name.size());
    place.canonical = canonical;
    append(addresses, place);
    names_.insert(names_.end(), name.begin(), name.end());
    hosts_.push_back(place);
}

void HostList::replace(std::size_t index, std::span<const conf::IpAddress> addresses) {
    append(addresses, hosts_.at(index));
}

HostList::Host HostList::operator[](std::size_t index) const noexcept {
    const Place& place = hosts_[index];
    return {std::span{names_}.subspan(place.name, place.name_bytes),
            std::span{addresses_}.subspan(place.addresses, place.count), place.canonical};
}

void HostList::shrink_to_fit() {
    names_.shrink_to_fit();
    addresses_.shrink_to_fit();
    hosts_.shrink_to_fit();
}

}  // namespace meshgate::dns::zone
