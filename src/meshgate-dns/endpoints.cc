#include "src/meshgate-dns/endpoints.h"

namespace meshgate::dnsd {
namespace {

constexpr const char* plain = "text/plain; charset=utf-8";

http::Response readiness(const std::vector<std::string>& reasons) {
    if (reasons.empty()) return {200, plain, "ready"};
    std::string body;
    for (const std::string& reason : reasons) body += reason + "\n";
    return {503, plain, body};
}

}  // namespace

http::Response respond(std::string_view path, ServerView& server) {
    if (path == "/healthz") return {200, plain, "ok"};
    if (path == "/readyz") return readiness(server.not_ready());
    if (path == "/metrics") {
        return {200, "text/plain; version=0.0.4; charset=utf-8", server.metrics()};
    }
    if (path == "/api/v1/status") return {200, "application/json", to_json(server.status())};
    return {404, plain, "not found\n"};
}

}  // namespace meshgate::dnsd
