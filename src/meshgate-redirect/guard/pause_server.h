#pragma once

#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/guard/pause.h"

#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace meshgate::redirect {

/// The guard's end of GuardPause: one pause at a time, the others wait for their turn. 16
/// connections at most, 64 KiB each.
class PauseServer {
public:
    struct Handlers {
        /// From now on somebody else changes the rules. @param who  "install (process 4711)"
        std::function<void(const std::string& who)> let_go;
        /// That is over. @return what did not go, for the other end; empty: it holds what is there.
        std::function<std::string(const PauseOutcome& outcome)> take_up;
    };

    /// @param listening  non-blocking
    PauseServer(boost::asio::io_context& context, UniqueFd listening, Handlers handlers);
    ~PauseServer();
    PauseServer(const PauseServer&) = delete;
    PauseServer& operator=(const PauseServer&) = delete;

private:
    struct State;
    std::shared_ptr<State> state_;  ///< shared with the handlers that wait
};

}  // namespace meshgate::redirect
