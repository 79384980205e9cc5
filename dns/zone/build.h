#pragma once

#include "conf/config.h"
#include "dns/zone/host_list.h"
#include "dns/zone/table.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::zone {

/// A resource record ready for the wire; made by dns/records from zone-file words.
struct WireRecord {
    std::vector<std::uint8_t> owner;  ///< lower-case wire form
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;            ///< seconds
    std::vector<std::uint8_t> rdata;  ///< uncompressed
    std::string text;                 ///< rdata in zone-file words, for `names`
    conf::Location where;
};

/// A service with its addresses allocated (dns/zone/vips.h).
struct NamedService {
    std::string name;                         ///< relative to every domain, as configured
    std::optional<conf::IpAddress> address4;  ///< none: no IPv4 family
    std::optional<conf::IpAddress> address6;  ///< none: NODATA for AAAA
    conf::Location where;
    std::string source = "service";  ///< for `names`
};

/// Names that share a VIP, and are not of the form SERVICE.DOMAIN.
struct NamedHost {
    std::vector<std::string> names;           ///< absolute; the first is that of the address (PTR)
    std::optional<conf::IpAddress> address4;  ///< none: as a service's
    std::optional<conf::IpAddress> address6;
    std::string source;  ///< for `names`: "MeshService", "virtual_outbound", ...
    conf::Location where;
};

struct Contents {
    std::vector<std::string> domains;  ///< suffixes ended here
    std::uint32_t ttl = 30;  ///< seconds; also the negative TTL (SOA MINIMUM), at most 30 there
    std::vector<NamedHost> hosts;        ///< their names come before those of services
    std::vector<NamedService> services;  ///< in file order
    std::vector<WireRecord> records;
    std::vector<std::string> forwarded;  ///< suffixes, also within `domains` or a range, of which
                                         ///< only the names that have data are owned
    std::vector<conf::Cidr>
        reverse_ranges;  ///< VIP ranges: their reverse names end here, taken or not
};

/// Names that somebody else tells while the program runs: Kuma's feed. What the configuration says
/// of a name, whatever it is, stands against all that a feed says of it: it is nearer to the person
/// who runs the machine.
struct Source {
    std::string name;       ///< "kuma"
    std::uint32_t ttl = 0;  ///< seconds
    bool ipv4 = true;       ///< false: these addresses are passed over, the names stay
    bool ipv6 = true;
    std::shared_ptr<const HostList> hosts;  ///< never null
    bool merges = false;  ///< a name may be there several times, and has all addresses; else never
};

struct Sources {
    std::vector<Source> told;  ///< the first that has a name has it whole
    bool complete = true;      ///< false: one has not told yet what it knows
};

/// One line of `meshgate-dns names`.
struct ListedName {
    std::string name;  ///< absolute, no trailing dot
    std::uint32_t ttl = 0;
    std::string type;
    std::string value;
    std::string source;  ///< "service", "MeshService", "record", ..., or the name of a Source

    friend auto operator<=>(const ListedName&, const ListedName&) = default;
};

/// Compiles the names into a table. Services answer under every domain, underscored names also with
/// dots; PTR of each VIP.
/// @throws conf::Error naming both places when a CNAME stands beside other data, or a name is no
/// name; duplicates merge.
std::shared_ptr<const Table> build(const Contents& contents, const Sources& sources = {});

/// Where names that come later would stand among those of their sources.
enum class Position : std::uint8_t { last, anywhere };

inline constexpr std::size_t added_names_max = 8192;

/// The same table with more names, at the cost of those that were added since it was built: what it
/// was built from is shared. Answers as the table that is built of all of them would.
/// @return null when only building it anew is right: a name of `more` is there already, an address
///   has a name and `more` could have come before it, more than added_names_max were added.
std::shared_ptr<const Table> with_more(const std::shared_ptr<const Table>& table,
                                       const Source& more, Position position);

/// The same names as rows, sorted.
std::vector<ListedName> list(const Contents& contents, const Sources& sources = {});

}  // namespace meshgate::dns::zone
