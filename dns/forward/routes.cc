#include "dns/forward/state.h"

#include <algorithm>
#include <set>
#include <utility>

/// The part of the forwarder that knows which servers a query is for.
namespace meshgate::dns::forward {
namespace {

constexpr std::size_t servers_max = 32;  // bits of Query::tried

/// Nothing is lost on the way to servers of this machine: one that is silent is slow, and asking it
/// again makes it slower; or it asks us, who wait for it.
std::uint8_t first_patience(const ServerList& servers) noexcept {
    const bool all_here = std::all_of(servers.begin(), servers.end(), [](const auto& server) {
        return server->address().address.is_loopback();
    });
    return all_here ? 2 : 1;
}

}  // namespace

/// The server at that address, in `fresh` from now on: the one that is there, or a new one.
std::shared_ptr<Server> Forwarder::State::server_at(const conf::SocketAddress& address,
                                                    const Server::Bounds& bounds,
                                                    ServerList& fresh) {
    const auto in = [&address](const ServerList& list) -> std::shared_ptr<Server> {
        const auto found = std::find_if(list.begin(), list.end(), [&](const auto& server) {
            return server->address() == address;
        });
        return found == list.end() ? nullptr : *found;
    };
    if (auto taken = in(fresh)) return taken;
    auto server = in(servers);
    if (!server) {
        server = std::make_shared<Server>(UdpSocket::Shared{context, *this, random, batch, *ready},
                                          address, bounds);
    }
    fresh.push_back(server);
    return server;
}

ServerList Forwarder::State::servers_at(const std::vector<conf::SocketAddress>& addresses,
                                        const Server::Bounds& bounds, ServerList& fresh) {
    ServerList list;
    const std::span wanted{addresses};
    for (const auto& address : wanted.first(std::min(wanted.size(), servers_max))) {
        list.push_back(server_at(address, bounds, fresh));
    }
    return list;
}

void Forwarder::State::set_routes(std::span<const Route> routes) {
    std::set<conf::SocketAddress> distinct;
    for (const Route& route : routes) {
        distinct.insert(route.upstreams.begin(), route.upstreams.end());
        for (const Alternative& alternative : route.alternatives) {
            distinct.insert(alternative.upstreams.begin(), alternative.upstreams.end());
        }
    }
    const std::size_t share = std::max<std::size_t>(distinct.size(), 1);
    const Server::Bounds bounds{limits.udp_sockets / share, limits.tcp_connections / share,
                                limits.first_try, limits.total};
    ServerList fresh;
    std::vector<std::shared_ptr<const RouteServers>> lists;
    std::vector<std::vector<std::uint8_t>> names;
    for (const Route& route : routes) {
        auto made = std::make_shared<RouteServers>();
        made->servers = servers_at(route.upstreams, bounds, fresh);
        made->order = route.order;
        for (const Alternative& alternative : route.alternatives) {
            if (alternative.upstreams.empty()) continue;  // then the reply is what there is
            made->alternatives.push_back(
                {alternative.on, servers_at(alternative.upstreams, bounds, fresh)});
        }
        lists.push_back(std::move(made));
        names.push_back(route.suffix);
    }
    servers = std::move(fresh);
    routes_ = std::move(lists);
    suffixes = wire::SuffixSet{names};
}

std::shared_ptr<const RouteServers>
Forwarder::State::route_for(std::span<const std::uint8_t> lower_qname) const noexcept {
    const auto match = suffixes.longest(lower_qname);
    return match ? routes_[match->index] : nobody_;
}

/// The query has been asked nobody of `list` yet.
void Forwarder::State::begin_with(Query& query, const ServerList& list) noexcept {
    query.servers = &list;
    query.first = 0;
    if (list.size() > 1 && query.route->order == Order::random) {
        query.first = random.below(list.size());
    } else if (list.size() > 1 && query.route->order == Order::turns) {
        query.first = query.route->turn++ % list.size();
    }
    mix_case(query);
    query.tried = 0;
    query.patience = first_patience(list);
    query.turns = 0;
    query.last_server = query.plain_for = nullptr;
    query.fallback_kind = Fallback::none;
}

/// The servers of the route have said something that is not to be the last word: others are asked,
/// once. @return false when there are none.
bool Forwarder::State::fall_over(std::uint32_t slot, unsigned rcode, unsigned answers) noexcept {
    Query& query = queries[slot];
    if (query.fell_over) return false;
    const ServerList* const list = query.route->alternative_to(rcode, answers);
    if (list == nullptr) return false;
    note(query, Trace::What::fell_over);
    forget_attempts(slot);
    query.fell_over = true;
    begin_with(query, *list);
    try {
        if (!try_next(slot, Clock::now())) fail_later(slot, Failure::network);
    } catch (const std::exception&) {
        fail(slot, Failure::overload);
    }
    return true;
}

}  // namespace meshgate::dns::forward
