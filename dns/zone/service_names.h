#pragma once

#include "conf/address.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::zone {

/// All absolute names of a service: under every domain as written, and, if it has underscores, with
/// dots in their place
/// ("backend_default_svc_8080.mesh", "backend.default.svc.8080.mesh"). The first is the one that
/// PTR records name.
std::vector<std::string> service_names(std::string_view service,
                                       std::span<const std::string> domains);

/// ::ffff:a.b.c.d
conf::IpAddress mapped(const conf::IpAddress& ipv4) noexcept;

}  // namespace meshgate::dns::zone
