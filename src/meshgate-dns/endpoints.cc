#include "src/meshgate-dns/endpoints.h"

#include "dns/wire/text_name.h"
#include "src/meshgate-dns/hex.h"

#include <algorithm>
#include <optional>

namespace meshgate::dnsd {
namespace {

constexpr const char* plain = "text/plain; charset=utf-8";

daemon::http::Response readiness(const std::vector<std::string>& reasons) {
    if (reasons.empty()) return {200, plain, "ready"};
    std::string body;
    for (const std::string& reason : reasons) body += reason + "\n";
    return {503, plain, body};
}

daemon::http::Response respond_to_get(std::string_view path, ServerView& server) {
    if (path == "/healthz") return {200, plain, "ok"};
    if (path == "/readyz") return readiness(server.not_ready());
    if (path == "/metrics") {
        return {200, "text/plain; version=0.0.4; charset=utf-8", server.metrics()};
    }
    if (path == "/api/v1/status") return {200, "application/json", to_json(server.status())};
    return {404, plain, "not found\n"};
}

/// None: the client may change something here.
std::optional<daemon::http::Response> refusal(const daemon::http::Request& request) {
    if (request.method != daemon::http::Method::post) {
        return daemon::http::Response{405, plain, "only POST\n", "POST"};
    }
    if (!request.is_local) return daemon::http::Response{403, plain, "only over the unix socket\n"};
    return std::nullopt;
}

daemon::http::Response respond_to_flush(std::string_view name, ServerView& server) {
    std::vector<std::uint8_t> wire;
    if (!name.empty()) {
        wire = dns::wire::to_wire(name.substr(1));
        if (wire.empty()) return {400, plain, "that is no name\n"};
    }
    return {200, "application/json", "{\"flushed\":" + std::to_string(server.flush(wire)) + "}\n"};
}

void respond_to_trace(std::string_view query, ServerView& server,
                      const daemon::http::Reply& reply) {
    const auto bytes = from_hex(query.substr(std::min<std::size_t>(query.size(), 1)));
    if (!bytes || bytes->empty()) return reply({400, plain, "that is no query\n"});
    server.trace(*bytes, [reply](const TraceView& view) {
        reply({200, "application/json", to_json(view)});
    });
}

daemon::http::Response respond_at_once(const daemon::http::Request& request, ServerView& server) {
    daemon::http::Response response = respond_to_get(request.path, server);
    const bool asks = request.method == daemon::http::Method::get ||
                      request.method == daemon::http::Method::head;
    if (!asks && response.status != 404) return {405, plain, "only GET and HEAD\n"};
    return response;
}

/// What comes after `prefix` in the path, its "/" included; none when the path is another.
std::optional<std::string_view> below(std::string_view prefix, std::string_view path) {
    if (!path.starts_with(prefix)) return std::nullopt;
    path.remove_prefix(prefix.size());
    if (!path.empty() && path.front() != '/') return std::nullopt;
    return path;
}

}  // namespace

void respond(const daemon::http::Request& request, ServerView& server,
             const daemon::http::Reply& reply) {
    const auto name = below(flush_path, request.path);
    const auto query = below(trace_path, request.path);
    if (!name && !query) return reply(respond_at_once(request, server));
    if (const auto refused = refusal(request)) return reply(*refused);
    if (name) return reply(respond_to_flush(*name, server));
    respond_to_trace(*query, server, reply);
}

}  // namespace meshgate::dnsd
