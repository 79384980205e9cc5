#include "conf/corefile/directives.h"

#include <algorithm>
#include <array>
#include <utility>

namespace meshgate::conf::corefile {
namespace {

constexpr std::string_view records = "write its records as [[record]] in meshgate.toml";
constexpr std::string_view services =
    "write its names as [[service]] in meshgate.toml, or take them from Kuma with [feed.kuma]";
constexpr std::string_view not_needed = "leave it out, this server does so by itself";
constexpr std::string_view encrypted =
    "this server speaks UDP and TCP without encryption; dns.listen and dns.upstreams in "
    "meshgate.toml say where";
constexpr std::string_view suffixes =
    "give a suffix its own servers with [[dns.forward]] in meshgate.toml";
constexpr std::string_view queries = "dns.query_log in meshgate.toml writes every query down";
constexpr std::string_view no_match =
    "answers are not rewritten; [[record]] in meshgate.toml owns a name";

/// The directives of coredns 1.14 and of the plug-ins that its builds often have.
constexpr std::array<std::pair<std::string_view, std::string_view>, 51> others{{
    {"acl", "dns.allow in meshgate.toml says who may ask"},
    {"any", not_needed},
    {"auto", records},
    {"autopath", "dns.search in meshgate.toml answers search-domain expansions"},
    {"azure", services},
    {"bufsize", "leave it out, 1232 bytes are asked for (DNS flag day 2020)"},
    {"cancel", not_needed},
    {"chaos", "leave it out, version.bind is answered"},
    {"clouddns", services},
    {"debug", "leave it out; 'meshgate-dns query --trace' shows what becomes of a query"},
    {"dns64", "it is not done here; let dns.upstreams in meshgate.toml name a resolver that does"},
    {"dnssec", records},
    {"dnstap", queries},
    {"erratic", "it is for tests"},
    {"etcd", services},
    {"file", records},
    {"geoip", no_match},
    {"grpc", encrypted},
    {"grpc_server", encrypted},
    {"header", no_match},
    {"https", encrypted},
    {"https3", encrypted},
    {"k8s_external", services},
    {"kubernetes", services},
    {"loadbalance", not_needed},
    {"local", "leave it out, localhost is answered with meshgate.toml and not in this way"},
    {"loop", "leave it out, loops are found while it runs, and end nothing"},
    {"metadata", not_needed},
    {"minimal", no_match},
    {"multisocket", not_needed},
    {"nomad", services},
    {"nsid", "dns.query_log and dns.admin in meshgate.toml tell servers apart"},
    {"pprof", "dns.admin in meshgate.toml shows what the server does"},
    {"quic", encrypted},
    {"rewrite", no_match},
    {"root", "write paths out in full"},
    {"route53", services},
    {"secondary", suffixes},
    {"shed", not_needed},
    {"sign", records},
    {"startup", "start programs with your service manager"},
    {"shutdown", "start programs with your service manager"},
    {"on", "start programs with your service manager"},
    {"timeouts", "leave it out, the bounds are fixed"},
    {"tls", encrypted},
    {"trace", "leave it out; 'meshgate-dns query --trace' shows what becomes of a query"},
    {"transfer", "zones are not transferred; [[record]] in meshgate.toml owns a name"},
    {"tsig", "zones are not transferred; [[record]] in meshgate.toml owns a name"},
    {"unbound", "dns.upstreams in meshgate.toml names the resolver"},
    {"view", suffixes},
    {"whoami", "it is for tests"},
}};

}  // namespace

std::string_view instead_of(std::string_view directive) {
    const auto* const found =
        std::find_if(others.begin(), others.end(),
                     [directive](const auto& other) { return other.first == directive; });
    return found == others.end() ? std::string_view{} : found->second;
}

}  // namespace meshgate::conf::corefile
