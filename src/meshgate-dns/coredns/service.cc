#include "src/meshgate-dns/coredns/service.h"

#include "conf/load.h"
#include "src/common/log.h"

#include <csignal>
#include <cstdlib>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

namespace meshgate::coredns {
namespace {

// kuma-dp ends the process group 5 s after it asked.
constexpr std::chrono::seconds drain_patience{4};
constexpr std::chrono::seconds drain_overdue{6};

void log_failure(const std::exception& error) {
    std::istringstream lines{error.what()};
    for (std::string line; std::getline(lines, line);) log::error("reload: " + line);
    log::error("reload failed, the old Corefile stays");
}

std::string text_of(const conf::Listen& listen) {
    if (const auto* address = std::get_if<conf::SocketAddress>(&listen)) {
        return address->to_string();
    }
    const auto& interface = std::get<conf::InterfacePort>(listen);
    return interface.interface + ":" + std::to_string(interface.port);
}

}  // namespace

Plan load_plan(const CommandLine& line) {
    return make_plan(
        conf::corefile::parse(conf::read_text(line.corefile), line.corefile, line.port));
}

Service::Service(asio::io_context& context, asio::signal_set& signals, const CommandLine& line,
                 Plan plan, std::size_t files)
    : context_(context), signals_(signals), line_(line), files_(files), resolver_(context),
      http_(context, {[this] { return metrics(); }, [this] { return is_ready(); }}),
      first_plan_(std::move(plan)),
      corefile_watch_(context, [this] { asio::post(context_, [this] { reload(); }); }),
      resolv_conf_watch_(context, [this] { on_resolv_conf(); }), overdue_(context) {
    servers_ = make_missing(first_plan_);
    http_.configure(first_plan_.http);
}

std::vector<std::string> Service::listening() const {
    std::vector<std::string> lines;
    for (const auto& server : servers_) {
        for (const conf::Listen& listen : server->listen()) lines.push_back(text_of(listen));
    }
    return lines;
}

ExitCode Service::run() {
    for (const auto& server : servers_) start(*server);
    wait_for_signal();
    configure(std::move(first_plan_));
    log::notice("ready: " + std::to_string(servers_.size()) +
                (servers_.size() == 1 ? " server" : " servers") + " of " + line_.corefile);
    context_.run();
    return failed_ ? ExitCode::failed : ExitCode::done;
}

void Service::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        on_signal(number);
        wait_for_signal();
    });
}

void Service::on_signal(int number) {
    if (number == SIGUSR1 || number == SIGHUP) {
        reload();
    } else {
        drain();
    }
}

void Service::reload() {
    if (draining_) return;
    try {
        adopt(load_plan(line_));
        log::notice("reloaded " + line_.corefile);
    } catch (const std::exception& error) {
        ++reloads_failed_;
        log_failure(error);
    }
}

PortServer* Service::find(const std::vector<conf::Listen>& listen) const {
    const auto found = std::find_if(servers_.begin(), servers_.end(),
                                    [&](const auto& one) { return one->listen() == listen; });
    return found == servers_.end() ? nullptr : found->get();
}

Service::Servers Service::make_missing(const Plan& plan) {
    Servers made;
    const PortServer::Shared shared{context_,
                                    [this](const std::string& host, const std::string& resolv_conf,
                                           HostResolver::Found found) {
                                        resolver_.resolve(host, resolv_conf, std::move(found));
                                    },
                                    files_ / plan.ports.size()};
    for (const PortPlan& port : plan.ports) {
        if (find(port.listen) != nullptr) continue;
        made.push_back(std::make_unique<PortServer>(shared, port.listen));
    }
    return made;
}

/// All that can fail comes first: a port or an endpoint that cannot be had leaves all as it is.
void Service::adopt(Plan plan) {
    Servers made = make_missing(plan);
    http_.configure(plan.http);
    for (auto& server : made) {
        start(*server);
        servers_.push_back(std::move(server));
    }
    std::set<const PortServer*> wanted;
    for (const PortPlan& port : plan.ports) wanted.insert(find(port.listen));
    for (auto& server : servers_) {
        if (!wanted.contains(server.get())) retire(std::move(server));
    }
    std::erase(servers_, nullptr);
    configure(std::move(plan));
}

void Service::configure(Plan plan) {
    log::warnings(plan.warnings);
    for (PortPlan& port : plan.ports) {
        PortServer& server = *find(port.listen);
        log::warnings(server.take(std::move(port), plan.resolv_conf));
    }
    follow_files(plan);
}

void Service::start(PortServer& server) {
    server.start([this, which = &server](bool failed) { on_worker_end(which, failed); });
}

void Service::retire(std::unique_ptr<PortServer> server) {
    server->drain(drain_patience);
    retired_.push_back(std::move(server));
}

void Service::on_worker_end(const PortServer* server, bool failed) {
    const auto is = [server](const auto& one) { return one.get() == server; };
    const auto retired = std::find_if(retired_.begin(), retired_.end(), is);
    if (retired == retired_.end() && !draining_) {
        log::error("a worker failed");
        failed = true;
        drain();
    }
    failed_ = failed_ || failed;
    const std::size_t ended = ++workers_ended_[server];
    if (ended == server->workers() && retired != retired_.end()) {
        workers_ended_.erase(server);
        // Not from within its own call.
        asio::post(context_, [over = std::shared_ptr<PortServer>{std::move(*retired)}] {});
        retired_.erase(retired);
    }
    if (!draining_) return;
    const bool all = std::all_of(servers_.begin(), servers_.end(), [this](const auto& one) {
        return workers_ended_[one.get()] == one->workers();
    });
    if (all && retired_.empty()) context_.stop();
}

void Service::follow_files(const Plan& plan) {
    try {
        corefile_watch_.watch(plan.reload ? line_.corefile : "");
        resolv_conf_watch_.watch(plan.resolv_conf);
        std::map<std::string, std::unique_ptr<daemon::FileWatch>> watches;
        for (const auto& server : servers_) {
            for (const auto& hosts : server->plan().hosts) {
                auto& watch = watches[hosts.file];
                watch = std::make_unique<daemon::FileWatch>(context_, [this] { on_hosts(); });
                watch->watch(hosts.file);
            }
        }
        hosts_watches_ = std::move(watches);
    } catch (const std::exception& error) {
        log::warning(std::string{error.what()} + ": changes of files need a reload (SIGUSR1)");
    }
}

void Service::on_resolv_conf() {
    for (const auto& server : servers_) log::warnings(server->resolv_conf_changed());
}

void Service::on_hosts() {
    try {
        for (const auto& server : servers_) {
            if (!server->plan().hosts.empty()) log::warnings(server->hosts_changed());
        }
    } catch (const std::exception& error) {
        log::error("hosts: " + std::string{error.what()} + "; the names before it stay");
    }
}

void Service::drain() {
    const auto patience = draining_ ? std::chrono::milliseconds{0} : drain_patience;
    draining_ = true;
    for (const auto& server : servers_) server->drain(patience);
    overdue_.wait_for(drain_overdue, [] {
        log::error("a worker does not end");
        std::_Exit(static_cast<int>(ExitCode::failed));  // joining it would wait for ever
    });
}

std::string Service::metrics() {
    std::vector<PortMetrics> ports;
    for (const auto& server : servers_) ports.push_back(server->metrics());
    return to_prometheus(ports, reloads_failed_);
}

bool Service::is_ready() const {
    return !draining_ && std::all_of(servers_.begin(), servers_.end(),
                                     [](const auto& server) { return server->is_ready(); });
}

}  // namespace meshgate::coredns
