#pragma once

#include "src/meshgate-dns/coredns/plan.h"
#include "src/daemon/admin_server.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace meshgate::coredns {

/// /metrics, /health and /ready, each at the addresses that a Corefile has for it. Control thread.
class HttpEndpoints {
public:
    struct Sources {
        std::function<std::string()> metrics;
        std::function<bool()> ready;
    };

    HttpEndpoints(boost::asio::io_context& context, Sources sources);

    /// Listens where the plan says from now on; where it did before, without a gap.
    /// @throws std::system_error when an address cannot be had: then all is as before.
    void configure(const std::map<conf::SocketAddress, HttpPlan>& plan);

private:
    struct Endpoint {
        HttpPlan plan;
        std::unique_ptr<daemon::AdminServer> server;
    };

    void respond(const conf::SocketAddress& address, const daemon::http::Request& request,
                 const daemon::http::Reply& reply) const;

    boost::asio::io_context& context_;
    Sources sources_;
    std::map<conf::SocketAddress, Endpoint> endpoints_;
};

}  // namespace meshgate::coredns
