#pragma once

#include "src/common/unique_fd.h"

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace meshgate::test {

/// A unix socket in a folder of its own that answers each connection by a script: it reads the head
/// of a request, then writes what the next step says and closes.
class UnixServer {
public:
    /// Bytes to be sent for a request; after the last step it is asked again.
    using Step = std::function<std::string(const std::string& request)>;

    UnixServer();
    ~UnixServer();
    UnixServer(const UnixServer&) = delete;
    UnixServer& operator=(const UnixServer&) = delete;

    void listen(std::vector<Step> steps);
    void close();  ///< the socket vanishes
    /// The next connections are kept open without a word.
    void be_silent() { silent_ = true; }

    [[nodiscard]] std::string path() const { return folder_ + "/feed.sock"; }
    [[nodiscard]] std::vector<std::string> requests() const;

private:
    void serve(const std::stop_token& stop);
    void answer(UniqueFd client);

    std::string folder_;
    UniqueFd listening_;
    std::deque<Step> steps_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<UniqueFd> kept_;
    bool silent_ = false;
    std::jthread thread_;
};

/// A response with this body, and an ETag if any.
std::string ok(const std::string& body, const std::string& etag = "");

/// The first line "If-None-Match: " of a request without its name; empty: none.
std::string asked_etag(const std::string& request);

}  // namespace meshgate::test
