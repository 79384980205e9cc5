#include "src/meshgate-dns/query_logging.h"

#include "src/common/log.h"
#include "src/meshgate-dns/block_signals.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <system_error>
#include <utility>

namespace meshgate::dnsd {
namespace {

/// Between two looks at the rings: a worker may log 40,000 queries a second before one is lost.
constexpr std::chrono::milliseconds pause{100};

}  // namespace

QueryLogging::QueryLogging(std::size_t workers, GiveLogs give_logs)
    : workers_(workers), give_logs_(std::move(give_logs)) {}

QueryLogging::~QueryLogging() {
    end();
}

std::vector<std::string> QueryLogging::configure(const conf::Dns& dns) {
    begin(nullptr, 1);
    if (dns.query_log.empty()) return {};
    try {
        begin(open_query_log_sink(dns.query_log), dns.query_log_sample);
        return {};
    } catch (const std::system_error& error) {
        return {std::string{error.what()} + ": no query log"};
    }
}

void QueryLogging::begin(std::unique_ptr<QueryLogSink> sink, std::uint32_t one_in,
                         dns::server::ReplyClasses classes) {
    if (!logs_.empty()) give_logs_(Logs(workers_));
    end();
    if (!sink) return;
    sink_ = std::move(sink);
    for (std::size_t i = 0; i < workers_; ++i) {
        logs_.push_back(std::make_shared<dns::server::QueryLog>(ring_queries, one_in, classes));
    }
    batch_.resize(batch_queries);
    give_logs_(logs_);
    const BlockSignals block;
    writer_ = std::jthread([this](const std::stop_token& stop) { write_down(stop); });
}

/// What is in the rings is still written.
void QueryLogging::end() {
    if (writer_.joinable()) {
        writer_.request_stop();
        writer_.join();
    }
    for (const auto& log : logs_) lost_before_ += log->lost();
    logs_.clear();
    sink_.reset();
}

void QueryLogging::write_down(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wakes;
    std::unique_lock lock{mutex};
    bool warned = false;
    while (!stop.stop_requested()) {
        wakes.wait_for(lock, stop, pause, [] { return false; });
        const bool well = write_some();
        if (!well && !std::exchange(warned, true)) {
            log::warning("query log: not all of it can be written (a full disk, a slow reader)");
        }
    }
    write_some();
}

/// @return false when some were lost on the way out.
bool QueryLogging::write_some() {
    bool well = true;
    for (const auto& log : logs_) {
        // As much as one ring may hold; then the others get their turn.
        std::size_t n = batch_.size();
        for (std::size_t round = 0; round < rounds_max && n == batch_.size(); ++round) {
            n = log->read(batch_);
            const std::size_t unwritten = sink_->write(std::span{batch_}.first(n));
            unwritten_ += unwritten;
            well = well && unwritten == 0;
        }
    }
    return well;
}

std::uint64_t QueryLogging::lost() const noexcept {
    std::uint64_t lost = lost_before_ + unwritten_;
    for (const auto& log : logs_) lost += log->lost();
    return lost;
}

}  // namespace meshgate::dnsd
