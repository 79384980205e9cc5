#include "src/meshgate-dns/coredns/http_endpoints.h"

#include "src/meshgate-dns/admin_sockets.h"

#include <utility>

namespace meshgate::coredns {
namespace {

using daemon::http::Method;
using daemon::http::Response;

Response text(unsigned status, std::string body) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

}  // namespace

HttpEndpoints::HttpEndpoints(boost::asio::io_context& context, Sources sources)
    : context_(context), sources_(std::move(sources)) {}

void HttpEndpoints::configure(const std::map<conf::SocketAddress, HttpPlan>& plan) {
    std::map<conf::SocketAddress, Endpoint> fresh;
    for (const auto& [address, what] : plan) {
        if (endpoints_.contains(address)) continue;
        std::vector<UniqueFd> listening;
        listening.push_back(dnsd::listen_tcp("listen (http)", address));
        const auto handler = [this, at = address](const auto& request, const auto& reply) {
            respond(at, request, reply);
        };
        fresh[address] = {
            what, std::make_unique<daemon::AdminServer>(context_, std::move(listening), handler)};
    }
    std::erase_if(endpoints_, [&](const auto& one) { return !plan.contains(one.first); });
    for (auto& [address, endpoint] : endpoints_) endpoint.plan = plan.at(address);
    endpoints_.merge(fresh);
}

void HttpEndpoints::respond(const conf::SocketAddress& address,
                            const daemon::http::Request& request,
                            const daemon::http::Reply& reply) const {
    const auto found = endpoints_.find(address);
    const HttpPlan plan = found == endpoints_.end() ? HttpPlan{} : found->second.plan;
    const bool known = (plan.metrics && request.path == "/metrics") ||
                       (plan.health && request.path == "/health") ||
                       (plan.ready && request.path == "/ready");
    if (!known) return reply(text(404, "404 page not found\n"));
    if (request.method != Method::get && request.method != Method::head) {
        return reply(text(405, "GET or HEAD\n"));
    }
    if (request.path == "/health") return reply(text(200, "OK"));
    if (request.path == "/ready") {
        return reply(sources_.ready() ? text(200, "OK") : text(503, "forward"));
    }
    Response response = text(200, sources_.metrics());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply(response);
}

}  // namespace meshgate::coredns
