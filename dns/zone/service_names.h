#pragma once

#include "conf/address.h"
#include "dns/zone/build.h"

#include <string>
#include <string_view>

namespace meshgate::dns::zone {

/// The same name with dots for underscores ("backend.default.svc.8080" for
/// "backend_default_svc_8080"); empty for a name that has none, or an empty label then ("a__b").
std::string dotted_twin(std::string_view service);

/// Calls visit(service, absolute name) for every name that services claim: first the names as
/// configured, then the twins with dots, each in file order and under every domain. A name that
/// comes twice belongs to the first: two services must not share their traffic by an accident of
/// spelling.
template <class Visit>
void for_each_service_name(const Contents& contents, Visit visit) {
    for (const NamedService& service : contents.services) {
        for (const std::string& domain : contents.domains) {
            visit(service, service.name + '.' + domain);
        }
    }
    for (const NamedService& service : contents.services) {
        const std::string twin = dotted_twin(service.name);
        if (twin.empty()) continue;
        for (const std::string& domain : contents.domains) visit(service, twin + '.' + domain);
    }
}

/// ::ffff:a.b.c.d
conf::IpAddress mapped(const conf::IpAddress& ipv4) noexcept;

}  // namespace meshgate::dns::zone
