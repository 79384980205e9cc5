#pragma once

#include "dns/zone/host_list.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace meshgate::dns::feed {

inline constexpr std::size_t names_max = 1'000'000;
inline constexpr std::size_t depth_max = 32;              ///< of arrays and objects
inline constexpr std::size_t addresses_of_name_max = 64;  ///< further ones are passed over

/// What Kuma's control plane told: the JSON of `/dns`
/// (kuma, app/kuma-dp/pkg/dataplane/dnsproxy/config.go).
struct KumaDocument {
    /// A name that comes twice, in whatever case, has the addresses of the last, as in Kuma's map.
    std::shared_ptr<const zone::HostList> hosts;
    std::optional<std::uint32_t> ttl;  ///< seconds; not told: the mesh's
    std::size_t skipped = 0;           ///< names that are none, addresses that are none
    std::string first_skipped;         ///< as it came
};

/// Reads a document: `{"records":[{"name":"web.mesh","ips":["240.0.0.1"]}],"ttl":30}`. Fields that
/// it does not know are passed over; null stands for nothing, as in Go. `records` must be there.
/// An address with a ':' is IPv6, the mapped form too.
///
/// @param json  is given room at its end (simdjson reads past it).
/// @param error  one line, when there is no document.
/// @return none for what is no JSON in UTF-8, or not of this shape, or beyond the bounds above:
///   nothing in it is used then.
std::optional<KumaDocument> parse_kuma(std::string& json, std::string& error);

}  // namespace meshgate::dns::feed
