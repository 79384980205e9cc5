#pragma once

#include "conf/config.h"
#include "dns/zone/build.h"

#include <chrono>

namespace meshgate::dns::records {

/// A configured record from zone-file words to wire form, by ldns. Never sees a packet.
///
/// Names in values are absolute, with a last dot or without. Any type goes, TYPE65280 with "\\# 2
/// beef" too (RFC 3597 section 5); not SOA, DNAME and what stands for questions and transfers.
/// @throws conf::Error at the record's place: "record 'db.mesh': '10.0.0' is not an IPv4 address".
zone::WireRecord to_wire(const conf::Record& record, std::uint32_t default_ttl);

}  // namespace meshgate::dns::records
