#pragma once

#include "dns/forward/route.h"
#include "dns/forward/server.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace meshgate::dns::forward {

using ServerList = std::vector<std::shared_ptr<Server>>;

/// The servers of a route at one moment. Shared by the queries that began with them, so that a
/// change of upstreams leaves those alone.
struct RouteServers {
    struct Alternative {
        ReplySet on;
        ServerList servers;  ///< never empty
    };

    ServerList servers;
    std::vector<Alternative> alternatives;
    Order order = Order::listed;
    mutable std::size_t turn = 0;  ///< for Order::turns

    /// Who is asked after such a reply; null: nobody, it is the last word.
    [[nodiscard]] const ServerList* alternative_to(unsigned rcode,
                                                   unsigned answers) const noexcept {
        for (const Alternative& alternative : alternatives) {
            if (alternative.on.has(rcode, answers)) return &alternative.servers;
        }
        return nullptr;
    }
};

}  // namespace meshgate::dns::forward
