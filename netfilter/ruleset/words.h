#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <string>
#include <string_view>
#include <vector>

/// nft's words for the parts of the model, for all printers.
namespace meshgate::netfilter {

std::string_view word(Family family) noexcept;              ///< "ipv4", as in `meta nfproto`
std::string_view word(Protocol protocol) noexcept;          ///< "tcp"
std::string_view word(ChainType type) noexcept;             ///< "nat"
std::string_view word(Hook hook) noexcept;                  ///< "prerouting"
std::string_view word(Sense sense) noexcept;                ///< "==" or "!="
std::string_view word(MatchAddress::Field field) noexcept;  ///< "saddr"
std::string_view address_protocol(Family family) noexcept;  ///< "ip" or "ip6"

/// The meta key of a device: word(Device::in) is "iif", to be followed by "name" or "type".
std::string_view word(Device device) noexcept;

/// `inet_service`, `uid`, `gid`, `mark`, `ipv4_addr`, `ipv6_addr`
std::string_view type_word(const Set& set) noexcept;

/// "10.0.0.0/8"; a host without its prefix.
std::string network_words(const Cidr& network);

/// "0x00000539"
std::string mark_words(Mark mark);

/// `counter name "captured_dns"`, `counter`, or nothing.
std::string counter_words(const CounterRef& counter);

/// `ipv4_addr . inet_service`, the key of a ClassMap.
std::string key_type_words(const ClassMap& map);

/// `ip daddr . tcp dport`, as of a packet.
std::string destination_words(Family family, Protocol protocol);

/// `numgen random mod 4`; of a client of that family.
std::string slot_words(SlotChoice choice, std::uint32_t slots, Family family);

/// `240.0.0.7 . 80 : goto vip_random_4`, `240.0.0.7 . 80 . 3 : 192.0.2.10 . 8080`
std::string element_words(const VipClass& element);
std::string element_words(const VipSlot& element);

/// Each element of a set as nft writes it: "22", "80-90", "10.0.0.0/8".
std::vector<std::string> element_words(const Set& set);

/// `type nat hook output priority -105; policy accept;`
std::string base_words(const BaseChain& base);

/// ` comment "..."` with the space before it, or nothing.
std::string comment_words(std::string_view comment);

}  // namespace meshgate::netfilter
