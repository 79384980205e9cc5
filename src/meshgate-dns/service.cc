#include "src/meshgate-dns/service.h"

#include "conf/resolv_conf.h"
#include "dns/wire/text_name.h"
#include "src/common/log.h"
#include "src/meshgate-dns/block_signals.h"
#include "src/meshgate-dns/metrics.h"
#include "src/meshgate-dns/verbs.h"

#include <unistd.h>

#include <csignal>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace meshgate::dnsd {
namespace {

constexpr std::chrono::seconds drain_patience{5};
constexpr std::chrono::seconds drain_overdue{8};  // a worker that does not end is not waited for

std::string message_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& exception) {
        return exception.what();
    } catch (...) {
        return "unknown error";
    }
}

}  // namespace

Service::Service(asio::io_context& context, asio::signal_set& signals, Parts parts,
                 Configuration configuration, Upstreams::Resolve resolve, WorkerGroup& workers,
                 daemon::Notifier& notifier)
    : context_(context), signals_(signals), parts_(std::move(parts)),
      started_with_(configuration.config), configuration_(std::move(configuration)),
      workers_(workers), notifier_(notifier),
      access_(context, parts_.listening,
              [&workers](const Access::List& list) { workers.set_access(list); }),
      upstreams_(context, parts_.listening, std::move(resolve),
                 [&workers](const std::vector<dns::forward::Route>& routes) {
                     workers.set_routes(routes);
                 }),
      query_logging_(workers.size(),
                     [&workers](const QueryLogging::Logs& logs) { workers.set_query_logs(logs); }),
      feeds_(context, [this] { begin_rebuild(); }),
      resolv_conf_(context, [this] { on_resolv_conf(); }),
      resources_(context, [this] { begin_reload(); }), watchdog_(context), overdue_(context) {}

ExitCode Service::run() {
    workers_.start([this](const std::exception_ptr& error) {
        asio::post(context_, [this, error] { on_worker_end(error); });
    });
    wait_for_signal();
    if (const auto interval = daemon::watchdog_interval()) watch(*interval);
    configure_admission();
    configure_upstreams();
    feeds_.configure(configuration_.config.feed);
    follow_hosts();
    begin_start();
    follow_resources();
    context_.run();
    return failed_ ? ExitCode::failed : ExitCode::done;
}

void Service::configure_admission() {
    log::warnings(access_.configure(configuration_.config));
    workers_.set_rate_limit(configuration_.config.dns.rate_limit);
    log::warnings(query_logging_.configure(configuration_.config.dns));
}

void Service::configure_upstreams() {
    log::warnings(upstreams_.configure(upstream_groups(configuration_.config.dns),
                                       configuration_.config.resolv_conf));
    configure_search();
    try {
        resolv_conf_.watch(searches_resolv_conf() ? configuration_.config.resolv_conf
                                                  : upstreams_.followed_file());
    } catch (const std::system_error& error) {
        log::warning(std::string{error.what()} + ": a change of resolv.conf needs a reload");
    }
}

void Service::follow_hosts() {
    std::map<std::string, std::unique_ptr<daemon::FileWatch>> watches;
    for (const std::string& path : configuration_.hosts->paths()) {
        auto& watch = watches[path];
        if (auto before = hosts_.extract(path)) {
            watch = std::move(before.mapped());
            continue;
        }
        watch = std::make_unique<daemon::FileWatch>(context_, [this] { begin_rebuild(); });
        try {
            watch->watch(path);
        } catch (const std::system_error& error) {
            log::warning(std::string{error.what()} + ": a change of " + path + " needs a reload");
        }
    }
    hosts_ = std::move(watches);
}

void Service::follow_resources() {
    const std::string& folder = configuration_.config.mesh.resources;
    try {
        resources_.watch(folder, configuration_.resources_signature);
    } catch (const std::system_error& error) {
        log::warning(std::string{error.what()} + ": a change in " + folder + " needs a reload");
    }
}

bool Service::searches_resolv_conf() const {
    const auto& search = configuration_.config.dns.search;
    return std::find(search.begin(), search.end(), "resolv-conf") != search.end();
}

/// A resolv.conf that cannot be read leaves the domains that it last had.
void Service::configure_search() {
    if (searches_resolv_conf()) {
        try {
            resolv_conf_search_ = conf::read_search(configuration_.config.resolv_conf);
        } catch (const std::system_error&) {
            // Upstreams says so, if it matters.
        }
    }
    dns::server::SearchList domains;
    const auto add = [&domains](const std::string& domain) {
        auto name = dns::wire::to_wire(domain);
        if (name.size() > 1) domains.push_back(std::move(name));
    };
    for (const std::string& domain : configuration_.config.dns.search) {
        if (domain != "resolv-conf") {
            add(domain);
        } else {
            std::for_each(resolv_conf_search_.begin(), resolv_conf_search_.end(), add);
        }
    }
    workers_.set_search(domains);
}

void Service::on_resolv_conf() {
    configure_search();
    const auto before = upstreams_.addresses();
    log::warnings(upstreams_.resolv_conf_changed());
    if (upstreams_.addresses() == before) return;
    std::string servers;
    for (const auto& address : upstreams_.addresses()) servers += " " + address.to_string();
    log::notice("resolv.conf changed: upstreams" + (servers.empty() ? " none" : servers));
}

void Service::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        on_signal(number);
        wait_for_signal();
    });
}

void Service::on_signal(int number) {
    if (number == SIGHUP) {
        if (state_ != State::draining) begin_reload();
        return;
    }
    if (state_ == State::draining) {
        workers_.drain(std::chrono::milliseconds{0});  // asked twice: now
        return;
    }
    begin_drain();
}

void Service::begin_drain() {
    state_ = State::draining;
    notifier_.stopping();
    job_.request_stop();
    upstreams_.stop();
    feeds_.stop();
    workers_.drain(drain_patience);
    overdue_.wait_for(drain_overdue, [this] {
        log::error("a worker does not end");
        failed_ = true;
        std::_Exit(static_cast<int>(ExitCode::failed));  // joining it would wait for ever
    });
}

void Service::on_worker_end(const std::exception_ptr& error) {
    ++workers_ended_;
    if (error || state_ != State::draining) {
        // Its share of the clients would get no answer: better a new process.
        log::error("a worker ended: " + (error ? message_of(error) : "nobody asked it to"));
        failed_ = true;
        if (state_ != State::draining) begin_drain();
    }
    if (workers_ended_ == workers_.size()) context_.stop();
}

void Service::watch(std::chrono::microseconds interval) {
    if (state_ == State::draining || workers_.responsive()) notifier_.alive();
    watchdog_.wait_for(interval, [this, interval] { watch(interval); });
}

std::string Service::summary() const {
    std::string text = std::to_string(configuration_.table->names()) + " names, " +
                       std::to_string(upstreams_.addresses().size()) + " upstreams";
    if (!last_reload_.ok) text += ", the last reload failed";
    return text;
}

std::vector<std::string> Service::not_ready() {
    if (state_ == State::draining) return {"draining"};
    std::vector<std::string> reasons;
    if (state_ == State::starting) reasons.emplace_back("starting");
    if (!configuration_.table->is_complete()) {
        for (std::string& feed : feeds_.awaited()) reasons.push_back(std::move(feed));
    }
    if (upstreams_.missing()) reasons.emplace_back("upstreams");
    return reasons;
}

StatusReport Service::status() {
    StatusReport report;
    report.state = state_ == State::starting ? "starting"
                   : state_ == State::ready  ? "ready"
                                             : "draining";
    report.version = version;
    report.pid = ::getpid();
    report.uptime_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    report.names = configuration_.table->names();
    report.reload = last_reload_;
    for (const auto& upstream : workers_.upstreams()) {
        report.upstreams.push_back({upstream.address.to_string(), upstream.up});
    }
    for (const FeedState& feed : feeds_.states()) {
        report.feeds.push_back({feed.name, feed.ok, feed.age_seconds});
    }
    return report;
}

void Service::trace(const std::vector<std::uint8_t>& query,
                    std::function<void(const TraceView&)> done) {
    workers_.trace(query, [this, done = std::move(done)](std::size_t worker, auto report) {
        asio::post(context_, [this, done, worker, report = std::move(report)] {
            done(make_trace_view(report, worker, workers_.size()));
        });
    });
}

std::string Service::metrics() {
    const auto stats = workers_.stats();
    MetricsInput input;
    input.version = version;
    input.workers = stats;
    input.upstreams = workers_.upstreams();
    input.feeds = feeds_.states();
    input.names = configuration_.table->names();
    input.reloads_ok = last_reload_.count - reloads_failed_;
    input.reloads_failed = reloads_failed_;
    input.last_reload_ok = last_reload_.ok;
    input.query_log_lost = query_logging_.lost();
    return to_prometheus(input);
}

}  // namespace meshgate::dnsd
