#pragma once

#include "src/common/asio.h"
#include "src/common/exit_code.h"
#include "src/common/timer.h"
#include "src/meshgate-dns/access.h"
#include "src/meshgate-dns/configuration.h"
#include "src/meshgate-dns/endpoints.h"
#include "src/meshgate-dns/feeds.h"
#include "src/daemon/file_watch.h"
#include "src/meshgate-dns/query_logging.h"
#include "src/meshgate-dns/rebuild.h"
#include "src/meshgate-dns/resource_watch.h"
#include "src/daemon/sd_notify.h"
#include "src/meshgate-dns/upstreams.h"
#include "src/meshgate-dns/worker_group.h"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace meshgate::dnsd {

/// The running server as its control thread sees it: signals, reloads, the watchdog, the end, and
/// what the admin endpoint shows. All of it on the context's thread; what takes time (reading and
/// compiling a configuration) is done on a second thread, one job at a time, so that the endpoint
/// and the watchdog never wait for it.
class Service : public ServerView {
public:
    struct Parts {
        std::optional<std::string> file;             ///< the configuration's
        std::vector<conf::SocketAddress> listening;  ///< as bound
    };

    Service(asio::io_context& context, asio::signal_set& signals, Parts parts,
            Configuration configuration, Upstreams::Resolve resolve, WorkerGroup& workers,
            daemon::Notifier& notifier);

    /// Serves until SIGTERM or SIGINT, then drains. @return done; failed when a worker failed.
    ExitCode run();

    StatusReport status() override;
    std::string metrics() override;
    std::vector<std::string> not_ready() override;
    std::size_t flush(const std::vector<std::uint8_t>& lower_qname) override {
        return workers_.flush(lower_qname);
    }
    void trace(const std::vector<std::uint8_t>& query,
               std::function<void(const TraceView&)> done) override;

private:
    enum class State : unsigned char { starting, ready, draining };

    /// What a job comes back with.
    struct Outcome {
        std::optional<Configuration> next;  ///< served from now
        std::string error;                  ///< one problem a line; empty: none
    };

    void wait_for_signal();
    void on_signal(int number);
    template <class Work, class Then>
    void start_job(Work work, Then then);
    void begin_start();
    void begin_reload();
    void begin_rebuild();
    Outcome load_and_swap(const std::stop_token& stop, const dns::zone::VipState& served,
                          std::shared_ptr<const StateLock> lock, const FeedNames& told,
                          const HostsFiles* hosts);
    void on_started(const std::string& error);
    /// The table with what feeds told and hosts files got since.
    struct Rebuilt {
        std::shared_ptr<const dns::zone::Table> table;  ///< null: see error
        FeedNames told;                                 ///< that it has
        std::vector<std::string> warnings;
        std::string error;
    };
    Rebuilt rebuild_and_swap(const std::stop_token& stop, const Rebuild& from,
                             const WorkerGroup::Table& special);
    void follow_hosts();
    void follow_resources();
    void on_rebuilt(Rebuilt rebuilt);
    void on_reloaded(Outcome outcome);
    void take_over(Configuration next);
    void begin_drain();
    void on_worker_end(const std::exception_ptr& error);
    void watch(std::chrono::microseconds interval);
    void configure_admission();
    void configure_upstreams();
    void configure_search();
    [[nodiscard]] bool searches_resolv_conf() const;
    void on_resolv_conf();
    [[nodiscard]] std::string summary() const;

    asio::io_context& context_;
    asio::signal_set& signals_;
    Parts parts_;
    const conf::Config started_with_;  ///< what only a restart changes is compared with this
    Configuration configuration_;
    WorkerGroup& workers_;
    daemon::Notifier& notifier_;
    Access access_;
    Upstreams upstreams_;
    QueryLogging query_logging_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

    State state_ = State::starting;
    bool failed_ = false;
    std::size_t workers_ended_ = 0;

    StatusReport::Reload last_reload_;
    std::uint64_t reloads_failed_ = 0;
    bool busy_ = false;           ///< a job is on the second thread
    bool reload_again_ = false;   ///< a SIGHUP came while one was
    bool names_changed_ = false;  ///< there is something that the table does not have yet

    Feeds feeds_;
    std::vector<std::string> resolv_conf_search_;  ///< as last read
    daemon::FileWatch resolv_conf_;
    std::map<std::string, std::unique_ptr<daemon::FileWatch>> hosts_;  ///< by path
    ResourceWatch resources_;
    Timer watchdog_;
    Timer overdue_;
    std::jthread job_;  ///< the last member: it ends before what it uses
};

}  // namespace meshgate::dnsd
