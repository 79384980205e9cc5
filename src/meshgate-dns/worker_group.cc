#include "src/meshgate-dns/worker_group.h"

#include "src/meshgate-dns/block_signals.h"

#include <sched.h>

#include <algorithm>
#include <stdexcept>

namespace meshgate::dnsd {
namespace {

using dns::forward::UpstreamState;

constexpr std::size_t workers_max = 64;
constexpr std::chrono::seconds take_over_patience{10};
constexpr std::chrono::milliseconds stop_interval{50};
constexpr std::chrono::milliseconds tell_patience{250};

void wait_for_all(std::vector<std::future<void>>& pending, const std::stop_token& stop) {
    const auto end = std::chrono::steady_clock::now() + take_over_patience;
    for (std::future<void>& one : pending) {
        while (one.wait_for(stop_interval) != std::future_status::ready) {
            if (stop.stop_requested()) throw std::runtime_error("the server is stopping");
            if (std::chrono::steady_clock::now() >= end) {
                throw std::runtime_error("a worker does not answer");
            }
        }
    }
}

/// For what may as well happen a moment later.
void wait_a_little(std::vector<std::future<void>>& pending) {
    const auto end = std::chrono::steady_clock::now() + tell_patience;
    for (auto& one : pending) one.wait_until(end);
}

/// What a worker tells until then; nothing from one that is late, or that has ended.
template <class Told>
Told told(std::future<Told>& future, std::chrono::steady_clock::time_point end) {
    try {
        if (future.wait_until(end) == std::future_status::ready) return future.get();
    } catch (const std::future_error&) {
        // Broken promise: a worker that ended does not run what was posted to it.
    }
    return {};
}

}  // namespace

std::size_t worker_count() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    // Fails with more cores than the mask has bits (1024).
    const std::size_t cores = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0
                                  ? static_cast<std::size_t>(CPU_COUNT(&allowed))
                                  : std::thread::hardware_concurrency();
    return std::clamp<std::size_t>(cores, 1, workers_max);
}

WorkerGroup::WorkerGroup(std::vector<dns::server::WorkerSockets> sockets,
                         const dns::server::WorkerLimits& limits) {
    for (auto& own : sockets) {
        workers_.push_back(std::make_unique<dns::server::Worker>(std::move(own), limits));
    }
}

WorkerGroup::~WorkerGroup() {
    if (!threads_.empty()) drain(std::chrono::milliseconds{0});
    threads_.clear();  // joins, before the workers go
}

void WorkerGroup::start(std::function<void(std::exception_ptr)> on_end) {
    const BlockSignals block;
    for (const auto& worker : workers_) {
        threads_.emplace_back([&own = *worker, on_end] {
            std::exception_ptr error;
            try {
                own.run();
            } catch (...) {
                error = std::current_exception();
            }
            on_end(error);
        });
    }
}

void WorkerGroup::set_tables(const Table& owned, const Table& special,
                             const std::stop_token& stop) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->set_tables(owned, special));
    wait_for_all(pending, stop);
}

void WorkerGroup::set_routes(const std::vector<dns::forward::Route>& routes) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->set_routes(routes));
    wait_a_little(pending);
}

void WorkerGroup::set_access(const std::shared_ptr<const dns::server::AccessList>& access) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->set_access(access));
    wait_a_little(pending);
}

void WorkerGroup::set_search(const dns::server::SearchList& domains) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->set_search(domains));
    wait_a_little(pending);
}

void WorkerGroup::set_fixed_answers(const dns::server::FixedAnswers& answers) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->set_fixed_answers(answers));
    wait_a_little(pending);
}

void WorkerGroup::set_ttl_max(dns::cache::TtlMax most) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->set_ttl_max(most));
    wait_a_little(pending);
}

void WorkerGroup::set_rate_limit(std::uint32_t queries_per_second) {
    std::vector<std::future<void>> pending;
    for (const auto& worker : workers_) {
        pending.push_back(worker->set_rate_limit(queries_per_second));
    }
    wait_a_little(pending);
}

void WorkerGroup::set_query_logs(const std::vector<std::shared_ptr<dns::server::QueryLog>>& logs) {
    std::vector<std::future<void>> pending;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        pending.push_back(workers_[i]->set_query_log(logs.at(i)));
    }
    wait_a_little(pending);
}

void WorkerGroup::drain(std::chrono::milliseconds patience) {
    for (const auto& worker : workers_) worker->drain(patience);
}

std::vector<UpstreamState> WorkerGroup::upstreams() {
    std::vector<std::future<std::vector<UpstreamState>>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->upstreams());
    const auto end = std::chrono::steady_clock::now() + tell_patience;
    std::vector<UpstreamState> all;
    for (auto& one : pending) {
        for (const UpstreamState& state : told(one, end)) {
            const auto same = std::find_if(all.begin(), all.end(), [&state](const auto& known) {
                return known.address == state.address;
            });
            if (same == all.end()) {
                all.push_back(state);
                continue;
            }
            same->up = same->up && state.up;
            same->requests += state.requests;
            same->failures += state.failures;
            // Each worker has measured its own: the longest says most.
            same->time_to_reply = std::max(same->time_to_reply, state.time_to_reply);
        }
    }
    return all;
}

std::size_t WorkerGroup::flush(const std::vector<std::uint8_t>& lower_qname) {
    std::vector<std::future<std::size_t>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->flush(lower_qname));
    const auto end = std::chrono::steady_clock::now() + tell_patience;
    std::size_t count = 0;
    for (auto& one : pending) count += told(one, end);
    return count;
}

void WorkerGroup::trace(const std::vector<std::uint8_t>& query,
                        std::function<void(std::size_t, dns::server::TraceReport)> done) {
    std::vector<std::future<bool>> pending;
    for (const auto& worker : workers_) pending.push_back(worker->keeps(query));
    const auto end = std::chrono::steady_clock::now() + tell_patience;
    const auto keeper = std::find_if(pending.begin(), pending.end(),
                                     [end](auto& keeps) { return told(keeps, end); });
    const auto which = keeper == pending.end() ? 0 : keeper - pending.begin();
    const auto index = static_cast<std::size_t>(which);
    workers_[index]->trace(
        query, [index, done = std::move(done)](auto report) { done(index, std::move(report)); });
}

bool WorkerGroup::responsive() {
    const bool all = std::all_of(probes_.begin(), probes_.end(), [](const auto& probe) {
        return probe.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
    });
    if (!all) return false;
    probes_.clear();
    for (const auto& worker : workers_) probes_.push_back(worker->upstreams());
    return true;
}

std::vector<const dns::server::WorkerStats*> WorkerGroup::stats() const {
    std::vector<const dns::server::WorkerStats*> all;
    for (const auto& worker : workers_) all.push_back(&worker->stats());
    return all;
}

}  // namespace meshgate::dnsd
