#pragma once

#include "conf/address.h"
#include "conf/ranges.h"

#include <cstdint>
#include <string>
#include <vector>

/// The maps that translate virtual addresses (VIPs). Flat hash maps: a lookup costs the same with
/// ten VIPs and with a hundred thousand, and a change of one is a change of its elements.
namespace meshgate::netfilter {

/// `240.0.0.7 . 80 : goto vip_random_4`
struct VipClass {
    conf::IpAddress address;
    conf::Port port = 0;
    std::string chain;

    friend bool operator==(const VipClass&, const VipClass&) noexcept = default;
};

/// What is done with a VIP's port: a named map `type ipv4_addr . inet_service : verdict`.
struct ClassMap {
    std::string name;     ///< 1..31 bytes
    std::string comment;  ///< at most 128 bytes
    conf::Family family = conf::Family::ipv4;
    std::vector<VipClass> elements;  ///< sorted by address and port, which are of one element

    friend bool operator==(const ClassMap&, const ClassMap&) noexcept = default;
};

/// `240.0.0.7 . 80 . 3 : 192.0.2.10 . 8080`
struct VipSlot {
    conf::IpAddress address;
    conf::Port port = 0;
    std::uint32_t slot = 0;
    conf::IpAddress endpoint;  ///< of the same family
    conf::Port endpoint_port = 0;

    friend bool operator==(const VipSlot&, const VipSlot&) noexcept = default;
};

/// Where connections to a VIP's port go, by a number below the count of its slots: a named map
/// `typeof ip daddr . tcp dport . numgen random mod 1 : ip daddr . tcp dport`. An endpoint's share
/// is its slots.
struct EndpointMap {
    std::string name;     ///< 1..31 bytes
    std::string comment;  ///< at most 128 bytes
    conf::Family family = conf::Family::ipv4;
    conf::Protocol protocol = conf::Protocol::tcp;
    std::vector<VipSlot> elements;  ///< sorted by address, port and slot, which are of one element

    friend bool operator==(const EndpointMap&, const EndpointMap&) noexcept = default;
};

/// What one port of a VIP becomes, whatever it was.
struct VipUpdate {
    std::string class_map;
    std::string endpoint_map;
    VipClass to_class;
    std::vector<VipSlot> slots;  ///< sorted; of the same address and port

    friend bool operator==(const VipUpdate&, const VipUpdate&) = default;
};

/// The order of the elements.
constexpr auto key_order = [](const auto& a, const auto& b) {
    if (a.address != b.address) return a.address < b.address;
    if (a.port != b.port) return a.port < b.port;
    if constexpr (requires { a.slot; }) {
        return a.slot < b.slot;
    } else {
        return false;
    }
};

}  // namespace meshgate::netfilter
