#pragma once

#include "conf/kuma/fields.h"
#include "conf/kuma/resources.h"

#include <string>

/// The parts of read_resources(): a function for each type.
namespace meshgate::conf::kuma {

/// What all resources have.
struct Meta {
    std::string name;
    std::string kube_namespace;  ///< empty: Universal
    Tags labels;
    std::string created;  ///< RFC 3339 in UTC; empty: not said
    bool is_kubernetes = false;
    Location where;
};

/// Each reads `body` (what stands in `spec`, or beside `type`) into `to`. @{
void read_dataplane(const Meta& meta, Fields& body, Resources& to);
void read_external_service(const Meta& meta, Fields& body, Resources& to);
void read_virtual_outbound(const Meta& meta, Fields& body, Resources& to);
void read_hostname_generator(const Meta& meta, Fields& body, Resources& to);
/// @param status  what Kuma has made of it, for its VIP; may be none.
void read_mesh_service(ServiceKind kind, const Meta& meta, Fields& body,
                       std::optional<Fields> status, Resources& to);
/// @}

/// HOST:PORT as Go's net.SplitHostPort and Kuma's validators take it; what is wrong is a fault at
/// `key`.
std::optional<Endpoint> read_address(Fields& fields, std::string_view key);

/// kuma.io/protocol among tags, the tag's letters, and whether kuma.io/service is there.
void check_tags(Fields& fields, std::string_view key, const Tags& tags, bool needs_service);

}  // namespace meshgate::conf::kuma
