#pragma once

#include "conf/address.h"
#include "conf/health_check.h"
#include "conf/location.h"
#include "conf/ranges.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// What names the control plane of Kuma would make, as meshgate.toml and Kuma's resources say it.
namespace meshgate::conf {

using Tags = std::map<std::string, std::string>;  ///< labels too

inline constexpr std::string_view service_tag = "kuma.io/service";

/// HOST:PORT a service is really at; the host is an address or a name (resolved through c-ares by
/// who uses it).
struct Endpoint {
    std::string host;
    Port port = 0;
    std::uint16_t weight = 1;  ///< its share among the others of a service, 1..1000
    Location where{};          ///< only where the kernel is to translate to it

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

inline constexpr std::uint16_t endpoint_weight_max = 1000;

/// Who brings connections to a VIP to an endpoint.
enum class VipMode : std::uint8_t { proxy, kernel };

/// How the kernel chooses among the endpoints of a service.
enum class Balance : std::uint8_t { random, round_robin, client_hash };

/// What a service is to Kuma: a value of the tag kuma.io/service, or one of its resources.
enum class ServiceKind : std::uint8_t {
    service,
    mesh_service,
    mesh_external_service,
    mesh_multi_zone_service,
};

/// "service", "MeshService", ...
std::string_view to_string(ServiceKind kind) noexcept;
std::optional<ServiceKind> parse_service_kind(std::string_view word) noexcept;

struct Service {
    std::string name;  ///< relative to every mesh domain, lower case, no trailing dot; a label of
                       ///< RFC 1035 unless kind is service
    ServiceKind kind = ServiceKind::service;
    std::vector<Port> ports{80};        ///< never empty
    std::optional<IpAddress> address4;  ///< pinned VIPs; may lie outside the range
    std::optional<IpAddress> address6;
    std::vector<Endpoint> endpoints;
    std::optional<VipMode> via;                      ///< unset: vip.mode
    Balance balance = Balance::random;               ///< of the kernel
    std::vector<Protocol> protocols{Protocol::tcp};  ///< of the kernel; never empty, no duplicates
    MaybeHealthCheck health;                         ///< of its endpoints, of the kernel
    std::vector<Tags> tags;      ///< of each kind of instance, without kuma.io/service; never empty
    std::string kube_namespace;  ///< empty: not of Kubernetes
    std::string zone;            ///< empty: mesh.zone
    Tags labels;
    Location where;

    friend bool operator==(const Service&, const Service&) = default;
};

/// What tells services apart: "backend", "MeshService/web", "MeshService/web.shop@east".
std::string key_of(const Service& service);

/// Where among services the one of a key is, or was added.
using ServiceIndex = std::unordered_map<std::string, std::size_t>;

/// A service outside of the mesh: Kuma's ExternalService.
struct ExternalService {
    std::string name;  ///< of its tag kuma.io/service
    Endpoint endpoint;
    bool host_entry = true;  ///< the endpoint's host name has a VIP as well, if it is a name
    std::optional<IpAddress> address4;  ///< pinned VIPs of `name`
    std::optional<IpAddress> address6;
    Location where;

    friend bool operator==(const ExternalService&, const ExternalService&) = default;
};

/// Names and ports for whatever has certain tags: Kuma's policy of that name.
struct VirtualOutbound {
    std::string name;
    std::vector<Tags> selectors;  ///< never empty; "*" is any value
    std::string host;             ///< a template
    std::string port;             ///< a template
    Tags parameters;              ///< names in the templates to tags
    std::string created;          ///< RFC 3339 in UTC; empty: not known
    Location where;

    friend bool operator==(const VirtualOutbound&, const VirtualOutbound&) = default;
};

/// Names for MeshServices and their like: Kuma's resource of that name.
struct HostnameGenerator {
    std::string name;
    ServiceKind kind = ServiceKind::mesh_service;  ///< not service
    Tags match_labels;                             ///< all have to be there
    std::string text;                              ///< a template
    bool is_local = true;                          ///< of this zone: comes before the others
    std::string created;                           ///< as above
    Location where;

    friend bool operator==(const HostnameGenerator&, const HostnameGenerator&) = default;
};

/// Which services a proxy may reach, in the words of networking.transparentProxying.
struct BackendRef {
    ServiceKind kind = ServiceKind::mesh_service;  ///< not service
    std::string name;                              ///< of kuma.io/display-name
    std::string kube_namespace;
    Tags labels;
    std::optional<Port> port;
    Location where;

    friend bool operator==(const BackendRef&, const BackendRef&) = default;
};

struct Reachable {
    std::optional<std::vector<std::string>> services;  ///< kuma.io/service; unset: all; empty: none
    std::optional<std::vector<BackendRef>> backends;   ///< of the other kinds, likewise

    friend bool operator==(const Reachable&, const Reachable&) = default;
};

/// What Kuma's validators say of it beyond the form of each field; empty: it is right. Each line
/// begins with the field in Kuma's words: "conf.parameters: must contain ...".
std::vector<std::string> faults_of(const ExternalService& service);
std::vector<std::string> faults_of(const VirtualOutbound& outbound);
std::vector<std::string> faults_of(const HostnameGenerator& generator);
std::vector<std::string> faults_of(const BackendRef& ref);

/// Tags of a dataplane, under `field`: the letters that are allowed, and no empty value.
std::vector<std::string> faults_of_tags(const Tags& tags, const std::string& field);

/// Kuma's tests of names. @{
bool is_rfc1035_label(std::string_view text) noexcept;      ///< [a-z]([-a-z0-9]*[a-z0-9])?, 63
bool is_rfc1123_subdomain(std::string_view text) noexcept;  ///< lower case, no '_', 253
bool is_loose_dns_name(std::string_view text) noexcept;     ///< any case, with '_', 255
/// @}

}  // namespace meshgate::conf
