#pragma once

#include "conf/config.h"
#include "conf/load.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf::kuma {

/// What a Dataplane says of the machine that it is.
struct Dataplane {
    std::string name;
    std::optional<Port> redirect_inbound;   ///< unset: not said, or 0
    std::optional<Port> redirect_outbound;  ///< likewise
    std::optional<IpFamilyMode> ip_family;  ///< unset: not said
    bool has_transparent_proxying = false;
    Reachable reachable;
    std::vector<std::string> direct_access_services;  ///< "*": all
    Location where;
};

/// Kuma's resources, in the words of the configuration.
struct Resources {
    std::vector<Service> services;  ///< of inbounds too; none twice
    ServiceIndex known;             ///< of these
    std::vector<ExternalService> external_services;
    std::vector<VirtualOutbound> virtual_outbounds;
    std::vector<HostnameGenerator> hostname_generators;
    std::vector<Dataplane> dataplanes;
    std::vector<Diagnostic> warnings;  ///< types that are passed over
};

/// Adds what a file of Kuma's resources says of one mesh: Dataplane, ExternalService,
/// VirtualOutbound, MeshService, MeshExternalService, MeshMultiZoneService and HostnameGenerator,
/// in the form of Universal (type, mesh, name, ...) or of Kubernetes (apiVersion, kind, metadata,
/// spec), YAML or JSON, several documents, and lists of them. Other types are passed over. At most
/// 16 MiB and 2,000,000 values.
/// @throws Error with what Kuma's validators would say, each with its file, document and field
void read_resources(std::string_view text, const std::string& name, const Mesh& mesh,
                    Resources& to);

}  // namespace meshgate::conf::kuma
