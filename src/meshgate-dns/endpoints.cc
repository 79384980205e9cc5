#include "src/meshgate-dns/endpoints.h"

#include "dns/wire/text_name.h"

namespace meshgate::dnsd {
namespace {

constexpr const char* plain = "text/plain; charset=utf-8";

http::Response readiness(const std::vector<std::string>& reasons) {
    if (reasons.empty()) return {200, plain, "ready"};
    std::string body;
    for (const std::string& reason : reasons) body += reason + "\n";
    return {503, plain, body};
}

http::Response respond_to_get(std::string_view path, ServerView& server) {
    if (path == "/healthz") return {200, plain, "ok"};
    if (path == "/readyz") return readiness(server.not_ready());
    if (path == "/metrics") {
        return {200, "text/plain; version=0.0.4; charset=utf-8", server.metrics()};
    }
    if (path == "/api/v1/status") return {200, "application/json", to_json(server.status())};
    return {404, plain, "not found\n"};
}

http::Response respond_to_flush(const http::Request& request, ServerView& server) {
    if (request.method != http::Method::post) return {405, plain, "only POST\n", "POST"};
    if (!request.is_local) return {403, plain, "only over the unix socket\n"};
    std::vector<std::uint8_t> name;
    if (request.path != flush_path) {
        name = dns::wire::to_wire(std::string_view{request.path}.substr(flush_path.size() + 1));
        if (name.empty()) return {400, plain, "that is no name\n"};
    }
    return {200, "application/json", "{\"flushed\":" + std::to_string(server.flush(name)) + "}\n"};
}

}  // namespace

http::Response respond(const http::Request& request, ServerView& server) {
    const std::string_view path = request.path;
    if (path == flush_path || path.starts_with(std::string{flush_path} + "/")) {
        return respond_to_flush(request, server);
    }
    http::Response response = respond_to_get(path, server);
    const bool asks = request.method == http::Method::get || request.method == http::Method::head;
    if (!asks && response.status != 404) return {405, plain, "only GET and HEAD\n"};
    return response;
}

}  // namespace meshgate::dnsd
