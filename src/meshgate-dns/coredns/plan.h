#pragma once

#include "conf/corefile/corefile.h"
#include "dns/cache/cache.h"
#include "dns/server/fixed_answers.h"
#include "dns/server/query_log.h"
#include "src/meshgate-dns/upstreams.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace meshgate::coredns {

/// What is written down of the queries of a port.
struct LogPlan {
    std::optional<std::string> format;  ///< of `log`; none: it is not there
    dns::server::ReplyClasses classes = dns::server::every_reply;  ///< of `log`
    bool errors = false;                                           ///< queries that failed here

    friend bool operator==(const LogPlan&, const LogPlan&) = default;
};

/// The blocks of a Corefile that listen on the same addresses, as one server.
struct PortPlan {
    std::vector<conf::Listen> listen;  ///< sorted by text; two plans never have the same
    bool bound = false;                ///< by 'bind': whoever reaches the addresses may ask
    std::string server;                ///< "dns://:15053", for metrics
    std::string zone;                  ///< the one nearest to the root, "example.org.", for metrics
    std::vector<dnsd::UpstreamGroup> groups;  ///< the first is that of `zone`
    dns::server::FixedAnswers fixed;
    std::vector<conf::corefile::Hosts> hosts;
    dns::cache::TtlMax ttl_max{0, 0};
    LogPlan log;
    std::set<std::string> plugins;
};

/// What is served over HTTP at an address.
struct HttpPlan {
    bool metrics = false, health = false, ready = false;

    friend bool operator==(const HttpPlan&, const HttpPlan&) = default;
};

/// A Corefile made ready to be served.
struct Plan {
    std::vector<PortPlan> ports;  ///< never empty
    std::map<conf::SocketAddress, HttpPlan> http;
    std::string resolv_conf;
    bool reload = false;                ///< the Corefile is followed
    std::vector<std::string> warnings;  ///< lines
};

/// @throws conf::Error for types that do not exist.
Plan make_plan(const conf::corefile::Corefile& file);

}  // namespace meshgate::coredns
