#pragma once

#include "src/meshgate-dns/coredns/metrics.h"
#include "src/meshgate-dns/coredns/plan.h"
#include "src/meshgate-dns/access.h"
#include "src/meshgate-dns/query_logging.h"
#include "src/meshgate-dns/upstreams.h"
#include "src/meshgate-dns/worker_group.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace meshgate::coredns {

/// The server of one PortPlan: its sockets, its workers and all that they go by. Control thread.
class PortServer {
public:
    struct Shared {
        boost::asio::io_context& context;
        dnsd::Upstreams::Resolve resolve;
        std::size_t files;  ///< that it may have open
    };

    /// Binds.
    /// @throws std::runtime_error, dnsd::NotPermitted for an address that cannot be had.
    PortServer(const Shared& shared, const std::vector<conf::Listen>& listen);
    PortServer(const PortServer&) = delete;
    PortServer& operator=(const PortServer&) = delete;

    /// @param on_end  called on the context's thread, once for each worker that has ended, with
    ///   whether it failed.
    void start(std::function<void(bool failed)> on_end);

    /// Serves this plan from now on. @return what a person should know, one a line.
    std::vector<std::string> take(PortPlan plan, const std::string& resolv_conf);

    std::vector<std::string> resolv_conf_changed() { return upstreams_.resolv_conf_changed(); }
    std::vector<std::string> hosts_changed();

    /// Answers what is in flight, for `patience` at most, then its workers end.
    void drain(std::chrono::milliseconds patience);

    [[nodiscard]] const std::vector<conf::Listen>& listen() const noexcept { return listen_; }
    [[nodiscard]] const PortPlan& plan() const noexcept { return plan_; }
    [[nodiscard]] std::size_t workers() const noexcept { return workers_->size(); }
    /// Whether there is somebody to ask, if anybody is to be asked.
    [[nodiscard]] bool is_ready() const { return !upstreams_.missing(); }
    PortMetrics metrics();

private:
    void configure_access();
    void configure_log();

    boost::asio::io_context& context_;
    const std::vector<conf::Listen> listen_;
    std::vector<conf::SocketAddress> addresses_;
    std::unique_ptr<dnsd::WorkerGroup> workers_;
    dnsd::Access access_;
    dnsd::Upstreams upstreams_;
    dnsd::QueryLogging logging_;
    PortPlan plan_;
    std::size_t host_names_ = 0;
    std::function<void(bool failed)> on_end_;
};

}  // namespace meshgate::coredns
