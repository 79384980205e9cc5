#pragma once

#include "src/common/unique_fd.h"
#include "src/daemon/http.h"

#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate::daemon {

/// Serves HTTP on listening stream sockets, unix or TCP. Everything is bounded: 64
/// connections (further ones wait in the kernel's backlog), 8 KiB of request head, 5 s for each
/// connection.
class AdminServer {
public:
    /// Answers a request by calling `reply` once, from within or later, on the context's thread.
    using Handler = std::function<void(const http::Request& request, const http::Reply& reply)>;

    /// Takes the sockets (non-blocking) and starts accepting.
    AdminServer(boost::asio::io_context& context, std::vector<UniqueFd> listening, Handler handler);
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

private:
    struct State;
    /// Shared with the connections: one whose answer is being written outlives the server object.
    std::shared_ptr<State> state_;
};

}  // namespace meshgate::daemon
