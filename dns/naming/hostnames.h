#pragma once

#include "conf/config.h"
#include "conf/load.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::dns::naming {

/// The labels that Kuma's control plane gives a MeshService or its like, unless it has them:
/// display-name, zone, origin, env, mesh, and the namespace and headless ones of Kubernetes.
conf::Tags labels_of(const conf::Service& service, const conf::Mesh& mesh);

/// HostnameGenerators in the order in which their names count: those of the zone first, then the
/// older, then by name; Kuma's own are among them, unless others have their names.
class HostnameGenerators {
public:
    /// @throws conf::Error for a template that is none, or makes no name (RFC 1123) of ordinary
    ///   words: Kuma's test
    explicit HostnameGenerators(const std::vector<conf::HostnameGenerator>& configured);
    HostnameGenerators(HostnameGenerators&&) noexcept;
    ~HostnameGenerators();

    struct Made {
        std::string name;  ///< RFC 1123; empty: `fault` says why
        std::string generator;
        std::string fault;
    };
    [[nodiscard]] std::size_t size() const noexcept;
    /// What the one at `index` makes of a service; nullopt: it does not select it.
    [[nodiscard]] std::optional<Made> make(std::size_t index, const conf::Service& service,
                                           const conf::Tags& labels, const conf::Mesh& mesh) const;

private:
    struct Generator;
    std::vector<Generator> generators_;
};

}  // namespace meshgate::dns::naming
