#pragma once

#include "netfilter/ruleset/installed.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstddef>
#include <cstdint>
#include <string>

/// Tables that translate many VIPs, as simple as can be.
namespace meshgate::netfilter::test {

inline constexpr const char* classes = "vip_tcp4";
inline constexpr const char* endpoints = "vip_tcp4_endpoints";

conf::IpAddress ip(const std::string& text);

/// 240.0.0.0, 240.0.0.1, ...
conf::IpAddress vip(std::size_t number);

VipSlot slot(std::size_t number, std::uint32_t at, Port port = 8080);

/// So many VIPs with two slots each.
Ruleset vips(std::size_t count);

Ownership mark(const Ruleset& ruleset);

}  // namespace meshgate::netfilter::test
