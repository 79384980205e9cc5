#pragma once

#include "conf/config.h"
#include "conf/load.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::dns::naming {

/// One VIP, and the names that it has: a service, the host of an external service, what a
/// VirtualOutbound makes.
struct NamedVip {
    std::string key;                                      ///< in the state file; of nothing else
    std::string what;                                     ///< in messages: "service 'backend'"
    conf::ServiceKind kind = conf::ServiceKind::service;  ///< which range
    std::optional<conf::IpAddress> pin4;
    std::optional<conf::IpAddress> pin6;
    std::string relative;  ///< a name under every domain, and its twin with dots; or empty
    std::vector<std::string> names;  ///< absolute, lower case, no trailing dot; of nothing else
    std::vector<conf::Port> ports;   ///< that the VIP is for: ascending
    std::string source;              ///< "service", "external_service", "MeshService", ...
    bool is_reachable = true;        ///< false: it keeps its address, and is not answered for
    conf::Location where;
};

struct Names {
    std::vector<NamedVip> vips;              ///< in the order in which they are given addresses
    std::vector<conf::Diagnostic> warnings;  ///< a name that two would have, a template without
};

/// The names that Kuma's control plane would make of it: SERVICE.mesh and its twin, the hosts of
/// external services, what each VirtualOutbound makes of tags, what each HostnameGenerator makes of
/// MeshServices and their like; Kuma's own generators are there unless others have their names.
/// A name belongs to one VIP: those of VirtualOutbounds come first, then the hosts of external
/// services, then services as configured, their twins, and the rest; of one kind the first that a
/// generator makes it for, generators of the zone before others, older ones before newer ones. The
/// loser is named in a warning. (kuma: pkg/dns/vips_allocator.go, hostnamegenerator/hostname/generator.go)
/// @throws conf::Error for a template that makes no name of anything, pins that disagree
Names make_names(const conf::Config& config);

}  // namespace meshgate::dns::naming
