#include "src/meshgate-redirect/host.h"

#include "conf/resolv_conf.h"
#include "src/meshgate-redirect/local_resolvers.h"
#include "src/users/users.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>

namespace meshgate::redirect {
namespace {

std::vector<conf::UidRange> resolve(const std::vector<conf::UserRef>& users) {
    std::vector<conf::UidRange> ranges;
    std::ranges::transform(users, std::back_inserter(ranges), resolve_user);
    return ranges;
}

void gather_users(const conf::Config& config, GatheredHost& gathered) {
    auto& host = gathered.host;
    const auto proxy = resolve_proxy_users(config.proxy);
    host.proxy_users = proxy.uids;
    if (proxy.warning && config.proxy.enabled) gathered.warnings.push_back(*proxy.warning);
    host.exempt_users = resolve(config.proxy.exempt_users);
    std::ranges::transform(config.proxy.exempt_groups, std::back_inserter(host.exempt_groups),
                           resolve_group);
    if (config.dns.user) {
        host.resolver_users = {resolve_user(*config.dns.user)};
    } else if (!config.proxy.enabled) {
        // Whom meshgate-dns runs as then
        host.resolver_users = {{proxy.uids.front(), proxy.uids.front()}};
    }
    for (const auto& exclusion : config.redirect.outbound.exclude) {
        host.exclude_users.push_back(resolve(exclusion.users));
    }
}

/// The name of an interface that is given by its number, as resolv.conf may do.
std::string interface_name(const std::string& scope) {
    unsigned index = 0;
    const char* const end = scope.data() + scope.size();
    const auto parsed = std::from_chars(scope.data(), end, index);
    std::array<char, IF_NAMESIZE> name{};
    if (parsed.ec != std::errc{} || parsed.ptr != end) return scope;
    return ::if_indextoname(index, name.data()) == nullptr ? scope : name.data();
}

/// What nft can be told as it is: '*' would match more, '"' would end the text.
bool is_plain_interface(std::string_view name) {
    return !name.empty() && name.size() < IF_NAMESIZE && std::ranges::none_of(name, [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == '"' || c == '*' ||
               c == '\\';
    });
}

void gather_nameservers(const conf::Config& config, GatheredHost& gathered) {
    if (!config.redirect.dns.enabled) return;
    std::vector<conf::SocketAddress> servers;
    try {
        servers = conf::read_resolv_conf(config.resolv_conf);
    } catch (const std::system_error& error) {
        gathered.notices.push_back(config.resolv_conf +
                                   " cannot be read: " + error.code().message());
    }
    for (auto& server : servers) {
        if (!server.scope.empty()) {
            server.scope = interface_name(server.scope);
            if (!is_plain_interface(server.scope)) {
                gathered.notices.push_back("nameserver " + server.address.to_string() + "%" +
                                           server.scope + " is left out: no such interface name");
                continue;
            }
        }
        gathered.host.nameservers.push_back(std::move(server));
    }
    gathered.host.local_resolvers = find_local_resolvers(gathered.host.nameservers);
}

}  // namespace

GatheredHost gather_host(const conf::Config& config) {
    GatheredHost gathered;
    gather_users(config, gathered);
    gather_nameservers(config, gathered);
    return gathered;
}

}  // namespace meshgate::redirect
