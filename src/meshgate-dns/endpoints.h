#pragma once

#include "src/daemon/http.h"
#include "src/meshgate-dns/status_report.h"
#include "src/meshgate-dns/trace_view.h"

#include <cstddef>
#include <cstdint>
#include <functional>
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
    /// Forgets cached answers: of one name (wire form, lower case), or of all for an empty one.
    /// @return how many.
    virtual std::size_t flush(const std::vector<std::uint8_t>& lower_qname) = 0;

    /// Asks a query as a client would. `done` is called once, later, on the same thread; not at all
    /// when the server ends before.
    virtual void trace(const std::vector<std::uint8_t>& query,
                       std::function<void(const TraceView&)> done) = 0;
};

/// POST here, or to a NAME below it, flushes. Over the unix socket only: a web page can make a
/// browser POST to any TCP port of its machine.
inline constexpr std::string_view flush_path = "/api/v1/flush";

/// POST to a query below it, in hexadecimal digits, asks that and tells what became of it. Over the
/// unix socket only, as above.
inline constexpr std::string_view trace_path = "/api/v1/trace";

/// GET of /healthz, /readyz, /metrics, /api/v1/status; POST of flush_path and trace_path. 404 for
/// any other path, 405 for any other method.
/// @param reply called once, perhaps from within, perhaps later on the same thread; not at all
///   when the server ends before.
void respond(const daemon::http::Request& request, ServerView& server,
             const daemon::http::Reply& reply);

}  // namespace meshgate::dnsd
