#include "src/meshgate-redirect/captured_proxy.h"

#include <algorithm>
#include <system_error>

namespace meshgate::redirect {

std::optional<std::string> captured_proxy(const conf::Config& config, const netfilter::Host& host,
                                          const std::vector<netfilter::WaitingSocket>& listening) {
    const auto& outbound = config.redirect.outbound;
    if (!outbound.enabled) return std::nullopt;
    const auto is_exempt = [&host](conf::Uid user) {
        return user == host.proxy_user ||
               std::ranges::any_of(host.exempt_users, [user](const conf::UidRange& range) {
                   return range.first <= user && user <= range.last;
               });
    };
    std::optional<conf::Uid> stranger;
    for (const auto& socket : listening) {
        if (socket.port != outbound.port) continue;
        if (is_exempt(socket.uid)) return std::nullopt;
        stranger = socket.uid;
    }
    if (!stranger) return std::nullopt;
    return "TCP port " + std::to_string(outbound.port) + " was opened by user " +
           std::to_string(*stranger) + ", and proxy.user is " + std::to_string(host.proxy_user) +
           ": unless the proxy makes its connections as that user, they come back to it";
}

std::optional<std::string> captured_proxy(const conf::Config& config, const netfilter::Host& host) {
    try {
        return captured_proxy(config, host, netfilter::waiting_sockets(conf::Protocol::tcp));
    } catch (const std::system_error&) {
        return std::nullopt;  // no sock_diag: nothing is known of users
    }
}

}  // namespace meshgate::redirect
