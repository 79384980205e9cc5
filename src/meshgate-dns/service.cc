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
#include <sstream>
#include <utility>

namespace meshgate::dnsd {
namespace {

constexpr std::chrono::seconds drain_patience{5};
constexpr std::chrono::seconds drain_overdue{8};  // a worker that does not end is not waited for

void log_all(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) log::warning(warning);
}

void log_lines(const std::string& prefix, const std::string& text) {
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) log::error(prefix + line);
}

std::string lines_of(const conf::Error& error) {
    std::string lines;
    for (const auto& diagnostic : error.diagnostics()) {
        if (!lines.empty()) lines += '\n';
        lines += diagnostic.to_string();
    }
    return lines;
}

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
                 Notifier& notifier)
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
      resolv_conf_(context, [this] { on_resolv_conf(); }), watchdog_(context), overdue_(context) {}

ExitCode Service::run() {
    workers_.start([this](const std::exception_ptr& error) {
        asio::post(context_, [this, error] { on_worker_end(error); });
    });
    wait_for_signal();
    if (const auto interval = watchdog_interval()) watch(*interval);
    configure_admission();
    configure_upstreams();
    feeds_.configure(configuration_.config.feed);
    begin_start();
    context_.run();
    return failed_ ? ExitCode::failed : ExitCode::done;
}

void Service::configure_admission() {
    log_all(access_.configure(configuration_.config));
    workers_.set_rate_limit(configuration_.config.dns.rate_limit);
    log_all(query_logging_.configure(configuration_.config.dns));
}

void Service::configure_upstreams() {
    log_all(upstreams_.configure(upstream_groups(configuration_.config.dns),
                                 configuration_.config.resolv_conf));
    configure_search();
    try {
        resolv_conf_.watch(searches_resolv_conf() ? configuration_.config.resolv_conf
                                                  : upstreams_.followed_file());
    } catch (const std::system_error& error) {
        log::warning(std::string{error.what()} + ": a change of resolv.conf needs a reload");
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
    log_all(upstreams_.resolv_conf_changed());
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

/// `work` runs on the second thread with a stop token; `then` gets its result here.
template <class Work, class Then>
void Service::start_job(Work work, Then then) {
    busy_ = true;
    const BlockSignals block;
    job_ = std::jthread([this, work = std::move(work), then](const std::stop_token& stop) mutable {
        auto result = work(stop);
        give_memory_back();
        asio::post(context_, [this, then, result = std::move(result)]() mutable {
            busy_ = false;
            then(std::move(result));
            if (state_ == State::draining) return;
            if (std::exchange(reload_again_, false)) return begin_reload();
            if (names_changed_) begin_rebuild();
        });
    });
}

void Service::begin_start() {
    start_job(
        [this, table = configuration_.table,
         special = configuration_.special](const std::stop_token& stop) -> std::string {
            try {
                workers_.set_tables(table, special, stop);
                return "";
            } catch (const std::exception& error) {
                return error.what();
            }
        },
        [this](const std::string& error) { on_started(error); });
}

void Service::on_started(const std::string& error) {
    if (state_ == State::draining) return;
    if (!error.empty()) {
        log::error("start: " + error);
        failed_ = true;
        return begin_drain();
    }
    state_ = State::ready;
    notifier_.ready(summary());
    log::notice("ready: " + summary());
}

void Service::begin_reload() {
    if (busy_) {
        reload_again_ = true;
        return;
    }
    notifier_.reloading();
    start_job([this, served = configuration_.vips, told = feeds_.names()](
                  const std::stop_token& stop) { return load_and_swap(stop, served, told); },
              [this](Outcome outcome) { on_reloaded(std::move(outcome)); });
}

/// On the second thread. The old table is still held by configuration_ while the workers change
/// over, so it is not one of them that has to free it.
Service::Outcome Service::load_and_swap(const std::stop_token& stop,
                                        const dns::zone::VipState& served, const FeedNames& told) {
    Outcome outcome;
    try {
        Configuration next = load_again(parts_.file, served, told);
        keep_state(next);
        workers_.set_tables(next.table, next.special, stop);
        outcome.next = std::move(next);
    } catch (const conf::Error& error) {
        outcome.error = lines_of(error);
    } catch (const std::exception& error) {
        outcome.error = error.what();
    }
    return outcome;
}

void Service::begin_rebuild() {
    names_changed_ = busy_;
    if (busy_ || state_ == State::draining || !configuration_.contents) return;
    start_job(
        [this, contents = configuration_.contents, special = configuration_.special,
         sources = to_sources(configuration_.config, feeds_.names())](
            const std::stop_token& stop) -> Rebuilt {
            try {
                auto table = dns::zone::build(*contents, sources);
                workers_.set_tables(table, special, stop);
                return {std::move(table), {}};
            } catch (const std::exception& error) {
                return {nullptr, error.what()};
            }
        },
        [this](Rebuilt rebuilt) { on_rebuilt(std::move(rebuilt)); });
}

void Service::on_rebuilt(Rebuilt rebuilt) {
    if (rebuilt.table) {
        configuration_.table = std::move(rebuilt.table);
    } else if (state_ != State::draining) {
        log::error("feed: " + rebuilt.error + "; the names before it stay");
    }
}

void Service::on_reloaded(Outcome outcome) {
    last_reload_.ok = outcome.next.has_value();
    last_reload_.error = outcome.error;
    if (outcome.next) {
        take_over(std::move(*outcome.next));
    } else {
        ++reloads_failed_;
        log_lines("reload: ", outcome.error);
        log::error("reload failed, the old configuration stays");
    }
    ++last_reload_.count;
    if (state_ == State::draining) return;
    notifier_.ready(summary());
}

void Service::take_over(Configuration next) {
    log_all(next.warnings);
    for (const std::string& key : needs_restart(started_with_, next.config)) {
        if (!last_reload_.error.empty()) last_reload_.error += '\n';
        last_reload_.error += key + " changed: a restart is needed for that";
        log::warning(key + " changed: a restart is needed for that");
    }
    configuration_ = std::move(next);
    configure_admission();
    configure_upstreams();
    feeds_.configure(configuration_.config.feed);
    log::notice("reloaded: " + summary());
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
