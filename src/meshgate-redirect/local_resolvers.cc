#include "src/meshgate-redirect/local_resolvers.h"

#include "netfilter/nftnl/sockets.h"
#include "src/meshgate-redirect/interfaces.h"
#include "src/meshgate-redirect/socket_owners.h"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>

namespace meshgate::redirect {
namespace {

using netfilter::LocalResolver;
using netfilter::WaitingSocket;

constexpr conf::Port dns_port = 53;

/// Docker's embedded DNS: at any port, its own rules of nat output lead there.
bool is_docker(const conf::IpAddress& address) {
    constexpr std::array<std::uint8_t, 4> bytes{127, 0, 0, 11};
    return address == conf::IpAddress::ipv4(bytes);
}

bool answers(const WaitingSocket& socket, const conf::IpAddress& server) {
    if (is_docker(server) && socket.address == server) return true;
    return socket.port == dns_port && socket.waits_at(server);
}

LocalResolver look_at(const conf::IpAddress& server, const std::vector<WaitingSocket>& waiting) {
    LocalResolver resolver{server, "", {}};
    std::vector<std::uint32_t> inodes;
    std::set<conf::Uid> users;
    for (const auto& socket : waiting) {
        if (answers(socket, server)) inodes.push_back(socket.inode);
    }
    for (const auto& owner : socket_owners(inodes)) {
        users.insert(owner.uid);
        if (resolver.program.empty() || owner.uid != 0) resolver.program = owner.program;
    }
    if (users.empty()) {  // its process is not to be seen
        for (const auto& socket : waiting) {
            if (answers(socket, server)) users.insert(socket.uid);
        }
    }
    if (users.size() > 1) users.erase(0);
    resolver.users.assign(users.begin(), users.end());
    return resolver;
}

std::vector<WaitingSocket> waiting_for_udp() {
    try {
        return netfilter::waiting_sockets(conf::Protocol::udp);
    } catch (const std::system_error&) {
        return {};  // no sock_diag: the resolver stays unknown, and that is said
    }
}

}  // namespace

std::vector<LocalResolver>
find_local_resolvers(const std::vector<conf::SocketAddress>& nameservers) {
    std::vector<LocalResolver> resolvers;
    std::vector<WaitingSocket> waiting;
    for (const auto& server : nameservers) {
        const auto& address = server.address;
        if (!is_of_this_machine(address) ||
            std::ranges::find(resolvers, address, &LocalResolver::address) != resolvers.end()) {
            continue;
        }
        if (waiting.empty()) waiting = waiting_for_udp();
        resolvers.push_back(look_at(address, waiting));
    }
    return resolvers;
}

}  // namespace meshgate::redirect
