#pragma once

#include "src/common/asio.h"
#include "src/common/exit_code.h"
#include "src/common/timer.h"
#include "src/meshgate-dns/coredns/command_line.h"
#include "src/meshgate-dns/coredns/http_endpoints.h"
#include "src/meshgate-dns/coredns/port_server.h"
#include "src/daemon/file_watch.h"
#include "src/resolver/host_resolver.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace meshgate::coredns {

/// A running Corefile: its ports, its endpoints, the files it follows, signals. Once it runs,
/// nothing that a file says ends it: what cannot be taken is logged, and what was stays.
class Service {
public:
    /// Binds everything.
    /// @throws what make_plan(), PortServer and HttpEndpoints do.
    Service(asio::io_context& context, asio::signal_set& signals, const CommandLine& line,
            Plan plan, std::size_t files);

    /// Serves until SIGTERM, SIGINT or SIGQUIT, then drains. SIGUSR1 and SIGHUP read the Corefile
    /// again. @return done; failed when a worker failed.
    ExitCode run();

    /// The zones and ports that are served, one a line.
    [[nodiscard]] std::vector<std::string> listening() const;

private:
    using Servers = std::vector<std::unique_ptr<PortServer>>;

    void wait_for_signal();
    void on_signal(int number);
    void reload();
    void adopt(Plan plan);
    Servers make_missing(const Plan& plan);
    PortServer* find(const std::vector<conf::Listen>& listen) const;
    void start(PortServer& server);
    void retire(std::unique_ptr<PortServer> server);
    void on_worker_end(const PortServer* server, bool failed);
    void configure(Plan plan);
    void follow_files(const Plan& plan);
    void on_resolv_conf();
    void on_hosts();
    void drain();
    std::string metrics();
    [[nodiscard]] bool is_ready() const;

    asio::io_context& context_;
    asio::signal_set& signals_;
    const CommandLine line_;
    const std::size_t files_;
    HostResolver resolver_;
    Servers servers_;
    Servers retired_;                                         ///< until their workers have ended
    std::map<const PortServer*, std::size_t> workers_ended_;  ///< of each
    HttpEndpoints http_;
    Plan first_plan_;  ///< until run()
    bool draining_ = false;
    bool failed_ = false;
    std::uint64_t reloads_failed_ = 0;
    daemon::FileWatch corefile_watch_;
    daemon::FileWatch resolv_conf_watch_;
    std::map<std::string, std::unique_ptr<daemon::FileWatch>> hosts_watches_;
    Timer overdue_;
};

/// Reads the file of a command line. @throws conf::Error
Plan load_plan(const CommandLine& line);

}  // namespace meshgate::coredns
