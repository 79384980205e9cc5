#pragma once

#include "conf/config.h"
#include "dns/server/query_log.h"
#include "src/meshgate-dns/query_log_sink.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace meshgate::dnsd {

/// The query log of the whole server: a ring for each worker, and a thread that writes down what is
/// in them. Off, there is neither. A disk or a journal that is slow loses lines, never an answer.
/// Control thread.
class QueryLogging {
public:
    using Logs = std::vector<std::shared_ptr<dns::server::QueryLog>>;
    /// Gives each worker its ring (or null), and returns when they have them.
    using GiveLogs = std::function<void(const Logs&)>;

    QueryLogging(std::size_t workers, GiveLogs give_logs);
    /// The workers have ended.
    ~QueryLogging();
    QueryLogging(const QueryLogging&) = delete;
    QueryLogging& operator=(const QueryLogging&) = delete;

    /// Begins, goes on in a file opened anew (it may have been rotated away), or ends. @return what
    /// went wrong, a line each: then there is no log.
    std::vector<std::string> configure(const conf::Dns& dns);

    /// Begins to write to `sink` (null: ends), in place of what was written to before.
    /// @param one_in   as dns.query_log_sample. @param classes  of answers that are written.
    void begin(std::unique_ptr<QueryLogSink> sink, std::uint32_t one_in,
               dns::server::ReplyClasses classes = dns::server::every_reply);

    /// Queries that should be in the log and are not, since the start.
    [[nodiscard]] std::uint64_t lost() const noexcept;

private:
    void end();
    void write_down(const std::stop_token& stop);
    bool write_some();

    static constexpr std::size_t ring_queries = 4096;  ///< 1.3 MiB a worker
    static constexpr std::size_t batch_queries = 128;
    static constexpr std::size_t rounds_max = ring_queries / batch_queries;

    const std::size_t workers_;
    const GiveLogs give_logs_;
    Logs logs_;
    std::unique_ptr<QueryLogSink> sink_;
    std::vector<dns::server::LoggedQuery> batch_;
    std::atomic<std::uint64_t> unwritten_{0};  ///< read, but not taken by the sink
    std::uint64_t lost_before_ = 0;            ///< of rings that are gone
    std::jthread writer_;
};

}  // namespace meshgate::dnsd
