#pragma once

#include "conf/config.h"
#include "dns/zone/build.h"

namespace meshgate::dns::zone {

/// The names that no server outside can know, so that asking one only tells it what nobody should
/// hear (IANA's registry of special-use domain names): a table to be asked behind the cache, when
/// an upstream would be next.
///
/// - localhost and all below it: 127.0.0.1 and ::1, and back (RFC 6761 section 6.3).
/// - invalid (RFC 6761 section 6.4) and onion (RFC 7686): NXDOMAIN.
/// - resolver.arpa: nothing, for a forwarder has no encrypted resolver to name, and must not let
///   its upstream name one (RFC 9462 section 6.4).
/// - The reverse zones of 0.0.0.0/8, 127.0.0.0/8, 255.255.255.255, :: and ::1 (RFC 6303 section 4).
/// - With PrivateReverse::local, the rest of RFC 6303, and 100.64.0.0/10 (RFC 7793).
///
/// The RFCs would have the private reverse zones, test and home.arpa (RFC 8375) ended here as well,
/// by a resolver that asks the root. This one asks the resolvers of the network it is in, and those
/// are the ones who know such names; the same holds for local, which many networks use for
/// themselves. ipv4only.arpa has to be forwarded (RFC 8880 section 7.1).
Contents special_names(conf::PrivateReverse private_reverse);

}  // namespace meshgate::dns::zone
