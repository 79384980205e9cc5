#pragma once

#include "conf/config.h"
#include "conf/load.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf::corefile {

/// Replies by which `alternate` turns to other servers.
struct ReplyWords {
    std::vector<std::uint8_t> rcodes;  ///< 0..15
    bool nodata = false;
};

enum class Policy : std::uint8_t { random, round_robin, sequential };

/// forward FROM TO...
struct ForwardTo {
    std::string from;                 ///< lower case, no trailing dot; "": every name
    std::vector<Upstream> upstreams;  ///< 1 to 15
    std::vector<std::string> except;  ///< names, as `from`, that it is not for
    Policy policy = Policy::random;
    Location where;
};

/// alternate RCODE,... FROM TO...
struct AlternateTo {
    ReplyWords on;
    std::vector<Upstream> upstreams;
    Location where;
};

/// template CLASS TYPE ZONE... { rcode RCODE }: the answer is that code, and nothing else.
struct FixedReply {
    std::string qclass;              ///< "IN", "CH", "HS" or "ANY"
    std::string qtype;               ///< a mnemonic, or "ANY"
    std::vector<std::string> zones;  ///< as ForwardTo's `from`; never empty
    std::uint8_t rcode = 0;
    Location where;
};

/// hosts FILE ZONE... { lines }
struct Hosts {
    std::string file = "/etc/hosts";
    std::vector<std::string> zones;    ///< never empty
    std::vector<std::string> inlined;  ///< lines of a hosts file, which stand before the file's
    std::uint32_t ttl = 3600;          ///< seconds
    bool reverse = true;               ///< PTR too
    bool fallthrough = false;          ///< names that are not there: the directives behind it
    std::vector<std::string> fallthrough_zones;  ///< only those below these; empty: all
    Location where;
};

/// cache TTL ZONE...
struct CacheFor {
    std::uint32_t success_ttl_max = 3600;  ///< seconds
    std::uint32_t denial_ttl_max = 1800;   ///< seconds
    Location where;
};

/// Which answers `log` writes down.
struct LogClasses {
    bool success = true, denial = true, error = true;
};

/// log NAME... FORMAT { class ... }
struct Log {
    std::string format;  ///< with {placeholders}
    LogClasses classes;
    Location where;
};

/// Where something is served over HTTP.
struct HttpAt {
    std::vector<SocketAddress> addresses;  ///< never empty
    Location where;
};

struct ServerBlock {
    struct Key {
        std::string zone;  ///< as ForwardTo's `from`
        Port port = 0;
        Location where;
    };

    std::vector<Key> keys;          ///< never empty
    std::vector<std::string> bind;  ///< addresses (IpAddress::parse) and interfaces; empty: all
    std::vector<ForwardTo> forwards;
    std::vector<AlternateTo> alternates;  ///< only with forwards
    std::vector<FixedReply> templates;
    std::optional<Hosts> hosts;
    std::optional<CacheFor> cache;
    std::optional<Log> log;
    bool errors = false;
    bool reload = false;
    std::optional<HttpAt> prometheus, health, ready;
};

struct Corefile {
    std::vector<ServerBlock> blocks;               ///< never empty
    std::string resolv_conf = "/etc/resolv.conf";  ///< of the upstreams that are a file
    std::vector<Diagnostic> warnings;              ///< options without effect here
};

/// Reads what coredns 1.14 reads of the directives forward, alternate (a plugin of Kuma's build),
/// template with a return code, hosts, cache, bind, prometheus, log, errors, reload, health and
/// ready.
/// @param name          the file, for messages. @param default_port  of zones without one.
/// @throws Error with all that is wrong. A directive or option that is none of those is wrong, and
///   its message says what to write into meshgate.toml instead.
Corefile parse(std::string_view text, std::string_view name, Port default_port = dns_port);

}  // namespace meshgate::conf::corefile
