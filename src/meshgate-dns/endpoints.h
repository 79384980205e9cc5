#pragma once

#include "src/meshgate-dns/http.h"
#include "src/meshgate-dns/status_report.h"

#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dnsd {

/// What the admin endpoint shows, asked for only when a path needs it.
class ServerView {
public:
    virtual ~ServerView() = default;
    virtual StatusReport status() = 0;
    virtual std::string metrics() = 0;
    /// Why /readyz is 503, a word or two each; empty: ready.
    virtual std::vector<std::string> not_ready() = 0;
};

/// GET of a path: /healthz, /readyz, /metrics, /api/v1/status; 404 for any other.
http::Response respond(std::string_view path, ServerView& server);

}  // namespace meshgate::dnsd
