#include "src/meshgate-dns/service.h"

#include "src/common/log.h"
#include "src/meshgate-dns/block_signals.h"

#include <sstream>
#include <utility>

/// What the service does on its second thread, one job at a time: the first table, reloads, and new
/// tables for names that feeds and hosts files have.
namespace meshgate::dnsd {
namespace {

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

}  // namespace

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
    start_job(
        [this, served = configuration_.vips, lock = configuration_.state_lock,
         told = feeds_.names(), hosts = configuration_.hosts](const std::stop_token& stop) {
            return load_and_swap(stop, served, lock, told, hosts.get());
        },
        [this](Outcome outcome) { on_reloaded(std::move(outcome)); });
}

/// On the second thread. The old table is still held by configuration_ while the workers change
/// over, so it is not one of them that has to free it.
Service::Outcome Service::load_and_swap(const std::stop_token& stop,
                                        const dns::zone::VipState& served,
                                        std::shared_ptr<const StateLock> lock,
                                        const FeedNames& told, const HostsFiles* hosts) {
    Outcome outcome;
    try {
        Configuration next = load_again(parts_.file, served, told, hosts);
        keep_state(next, std::move(lock));
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
    Rebuild from{configuration_.config, configuration_.contents, configuration_.table,
                 configuration_.told,   feeds_.names(),          configuration_.hosts};
    start_job([this, from = std::move(from), special = configuration_.special](
                  const std::stop_token& stop) { return rebuild_and_swap(stop, from, special); },
              [this](Rebuilt rebuilt) { on_rebuilt(std::move(rebuilt)); });
}

/// On the second thread.
Service::Rebuilt Service::rebuild_and_swap(const std::stop_token& stop, const Rebuild& from,
                                           const WorkerGroup::Table& special) {
    Rebuilt rebuilt;
    rebuilt.told = from.told;
    try {
        rebuilt.table = rebuild(from, rebuilt.warnings);
        if (rebuilt.table != from.table) {
            workers_.set_tables(rebuilt.table, special, stop);
        }
    } catch (const std::exception& error) {
        rebuilt.table = nullptr;
        rebuilt.error = error.what();
    }
    return rebuilt;
}

void Service::on_rebuilt(Rebuilt rebuilt) {
    log::warnings(rebuilt.warnings);
    if (rebuilt.table) {
        configuration_.table = std::move(rebuilt.table);
        configuration_.told = std::move(rebuilt.told);
    } else if (state_ != State::draining) {
        log::error("names: " + rebuilt.error + "; those before stay");
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
    log::warnings(next.warnings);
    for (const std::string& key : needs_restart(started_with_, next.config)) {
        if (!last_reload_.error.empty()) last_reload_.error += '\n';
        last_reload_.error += key + " changed: a restart is needed for that";
        log::warning(key + " changed: a restart is needed for that");
    }
    configuration_ = std::move(next);
    configure_admission();
    configure_upstreams();
    feeds_.configure(configuration_.config.feed);
    follow_hosts();
    follow_resources();
    log::notice("reloaded: " + summary());
}

}  // namespace meshgate::dnsd
