#pragma once

#include "conf/config.h"
#include "dns/zone/build.h"

#include <chrono>

namespace meshgate::dns::records {

/// A configured record from zone-file words to wire form, by ldns. Never sees a packet.
/// @throws conf::Error at the record's place: "db.mesh: 'A' value '10.0.0' is not an IPv4 address".
zone::WireRecord to_wire(const conf::Record& record, std::chrono::seconds default_ttl);

}  // namespace meshgate::dns::records
