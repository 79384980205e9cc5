#include "src/meshgate-redirect/captured_proxy.h"

#include <algorithm>
#include <system_error>

namespace meshgate::redirect {
namespace {

std::string listed(const std::vector<conf::Uid>& users) {
    std::string text;
    for (const conf::Uid user : users) {
        text += (text.empty() ? "" : ", ") + std::to_string(user);
    }
    return text;
}

}  // namespace

std::optional<std::string> captured_proxy(const conf::Config& config, const netfilter::Host& host,
                                          const std::vector<netfilter::WaitingSocket>& listening) {
    const auto& outbound = config.redirect.outbound;
    if (!outbound.enabled) return std::nullopt;
    const auto is_exempt = [&host](conf::Uid user) {
        const auto contains = [user](const conf::UidRange& range) {
            return range.first <= user && user <= range.last;
        };
        return std::ranges::find(host.proxy_users, user) != host.proxy_users.end() ||
               std::ranges::any_of(host.resolver_users, contains) ||
               std::ranges::any_of(host.exempt_users, contains);
    };
    std::optional<conf::Uid> stranger;
    for (const auto& socket : listening) {
        if (socket.port != outbound.port) continue;
        if (is_exempt(socket.uid)) return std::nullopt;
        stranger = socket.uid;
    }
    if (!stranger) return std::nullopt;
    const bool by_other_keys =
        !host.exempt_groups.empty() || !config.proxy.exempt_marks.empty();
    return "TCP port " + std::to_string(outbound.port) + " was opened by user " +
           std::to_string(*stranger) + ", and proxy.user is " + listed(host.proxy_users) +
           ": unless the proxy makes its connections as that user" +
           (by_other_keys ? ", or in an exempt group, or with an exempt mark" : "") +
           ", they come back to it";
}

std::optional<std::string> captured_proxy(const conf::Config& config, const netfilter::Host& host) {
    try {
        return captured_proxy(config, host, netfilter::waiting_sockets(conf::Protocol::tcp));
    } catch (const std::system_error&) {
        return std::nullopt;  // no sock_diag: nothing is known of users
    }
}

}  // namespace meshgate::redirect
