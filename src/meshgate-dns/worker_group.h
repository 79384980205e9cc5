#pragma once

#include "dns/server/worker.h"

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

namespace meshgate::dnsd {

/// Workers to start: one for each core this process may use, 64 at most.
std::size_t worker_count();

/// All workers with their threads, as one.
class WorkerGroup {
public:
    WorkerGroup(std::vector<dns::server::WorkerSockets> sockets,
                const dns::server::WorkerLimits& limits);
    /// Ends the workers without patience and waits for their threads.
    ~WorkerGroup();
    WorkerGroup(const WorkerGroup&) = delete;
    WorkerGroup& operator=(const WorkerGroup&) = delete;

    /// @param on_end called on the thread of a worker that has ended, with what it threw, if
    ///   anything. A worker ends by itself only after drain().
    void start(std::function<void(std::exception_ptr)> on_end);

    /// Shared with the workers, see dns::server::Worker.
    using Table = std::shared_ptr<const dns::zone::Table>;

    /// Returns when every worker answers from both. Any thread.
    /// @throws std::runtime_error when a worker has not taken it after 10 s, or a stop is
    /// requested.
    void set_tables(const Table& owned, const Table& special, const std::stop_token& stop);

    /// Returns when every worker asks these, but after 250 ms at most. Control thread.
    void set_routes(const std::vector<dns::forward::Route>& routes);

    /// Who may ask from outside this machine. Returns as set_routes() does. Control thread.
    void set_access(const std::shared_ptr<const dns::server::AccessList>& access);

    /// Search domains for which owned names have aliases. Returns as set_routes() does. Control
    /// thread.
    void set_search(const dns::server::SearchList& domains);

    /// Answers that the question alone decides. Returns as set_routes() does. Control thread.
    void set_fixed_answers(const dns::server::FixedAnswers& answers);

    /// How long answers are kept, at most; those that are kept are forgotten. Returns as
    /// set_routes() does. Control thread.
    void set_ttl_max(dns::cache::TtlMax most);

    /// For each worker by itself. Returns as set_routes() does. Control thread.
    void set_rate_limit(std::uint32_t queries_per_second);

    /// Where each worker's answers are written down, one for each; null: nowhere. Returns as
    /// set_routes() does. Control thread.
    void set_query_logs(const std::vector<std::shared_ptr<dns::server::QueryLog>>& logs);

    void drain(std::chrono::milliseconds patience);

    /// The servers as all workers together see them: counters added up, up while every worker finds
    /// it up. What a worker does not tell within 250 ms is missing from the sum. Control thread.
    std::vector<dns::forward::UpstreamState> upstreams();

    /// Forgets cached answers: of one name (wire form, lower case), or all for an empty one.
    /// @return how many, as far as they tell it within 250 ms. Control thread.
    std::size_t flush(const std::vector<std::uint8_t>& lower_qname);

    /// Asks the worker whose cache has something of the query, else the first, and tells on its
    /// thread which one (from 0) and what became of the query. Control thread.
    void trace(const std::vector<std::uint8_t>& query,
               std::function<void(std::size_t, dns::server::TraceReport)> done);

    /// True when every worker has been round its loop since the last call: what a watchdog wants to
    /// know. Control thread.
    bool responsive();

    [[nodiscard]] std::size_t size() const noexcept { return workers_.size(); }
    [[nodiscard]] std::vector<const dns::server::WorkerStats*> stats() const;

private:
    std::vector<std::unique_ptr<dns::server::Worker>> workers_;
    std::vector<std::future<std::vector<dns::forward::UpstreamState>>> probes_;
    std::vector<std::jthread> threads_;
};

}  // namespace meshgate::dnsd
