#include "src/meshgate-redirect/probing/probe_listeners.h"

#include "src/common/errors.h"
#include "src/meshgate-redirect/probing/probe_messages.h"
#include "src/meshgate-redirect/probing/probe_sockets.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace meshgate::redirect {
namespace {

using conf::Family;
using conf::IpAddress;
using conf::Port;
using conf::Protocol;

constexpr conf::Uid nobody = 65534;
constexpr std::size_t max_connections = 1024;

}  // namespace

ProbeListeners::ProbeListeners(const PlannedProbes& probes, const netfilter::Summary& summary,
                               conf::Uid proxy_user, const std::vector<ProbeClient>& clients,
                               ProbeSite& site) {
    for (const Family family : summary.families) {
        const auto ends = site.ends(family);
        if (!ends) continue;
        // What this machine sends is redirected to localhost, what arrives to where it arrives.
        std::vector<IpAddress> places{localhost(family), ends->here};
        for (const auto& client : clients) {
            if (client.here.family() == family) places.push_back(client.here);
        }
        for (const auto& at : places) {
            const auto listen = [&](Port port, Protocol protocol) {
                listen_here(at, port, protocol, {port}, proxy_user);
            };
            if (summary.inbound) listen(*summary.inbound, Protocol::tcp);
            if (summary.outbound) listen(*summary.outbound, Protocol::tcp);
            if (!summary.dns) continue;
            listen(summary.dns->port, Protocol::udp);
            listen(summary.dns->port, Protocol::tcp);
        }
    }
    for (const auto& probe : probes.list) {
        const auto& packet = probe.packet;
        const bool stays = packet.to_this_host;
        if (stays) {
            listen_here(packet.destination, packet.dport, packet.protocol, {}, nobody);
        } else if (!packet.is_loopback) {
            listen_there(packet.destination.family(), packet.dport, packet.protocol, site);
        }
    }
}

void ProbeListeners::add(UniqueFd socket, Protocol protocol, const Arrival& arrival) {
    const int fd = socket.get();
    listeners_.emplace(fd, Listener{std::move(socket), protocol, arrival, false});
}

void ProbeListeners::listen_here(const IpAddress& at, Port port, Protocol protocol,
                                 const Arrival& arrival, conf::Uid user) {
    const Place place{at, port, protocol};
    if (here_.contains(place)) return;
    auto socket = socket_of(user, at.family(), protocol);
    if (listen_at(socket, {at, port}, protocol) != 0) return;  // a program of this machine is there
    here_[place] = true;
    add(std::move(socket), protocol, arrival);
}

void ProbeListeners::listen_there(Family family, Port port, Protocol protocol, ProbeSite& site) {
    if (std::exchange(there_[{family, port, protocol}], true)) return;
    auto socket = site.there().inside([&] { return socket_of(0, family, protocol); });
    if (const int error = listen_at(socket, {any_address(family), port}, protocol); error != 0) {
        throw_errno("listen for probes", error);
    }
    add(std::move(socket), protocol, {});
}

void ProbeListeners::add_to(std::vector<pollfd>& list) const {
    for (const auto& [fd, listener] : listeners_) list.push_back({fd, POLLIN, 0});
}

void ProbeListeners::accept_from(const Listener& listener) {
    UniqueFd connection{
        ::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!connection || listeners_.size() > max_connections) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    static_cast<void>(
        ::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    const int fd = connection.get();
    const auto arrival = listener.arrival;
    listeners_.emplace(fd, Listener{std::move(connection), Protocol::tcp, arrival, true});
}

bool ProbeListeners::serve(int fd, std::map<std::size_t, Arrival>& arrivals) {
    const auto found = listeners_.find(fd);
    if (found == listeners_.end()) return false;
    const auto& listener = found->second;
    if (listener.protocol == Protocol::tcp && !listener.is_connection) {
        accept_from(listener);
        return true;
    }
    std::array<char, 2048> buffer;
    KernelAddress from;
    const auto got = ::recvfrom(fd, buffer.data(), buffer.size(), 0, from.raw(), &from.bytes);
    if (got > 0) {
        const std::string_view message{buffer.data(), static_cast<std::size_t>(got)};
        if (const auto number = number_of_probe(message, listener.protocol)) {
            arrivals.emplace(*number, listener.arrival);
            const auto answer = answer_to(message, listener.protocol);
            const bool connected = listener.is_connection;
            static_cast<void>(::sendto(fd, answer.data(), answer.size(), MSG_NOSIGNAL,
                                       connected ? nullptr : from.raw(),
                                       connected ? 0 : from.bytes));
        }
    } else if (listener.is_connection && !(got < 0 && errno == EAGAIN)) {
        listeners_.erase(found);
    }
    return true;
}

}  // namespace meshgate::redirect
