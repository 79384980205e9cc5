#include "dns/server/worker.h"

#include "dns/server/admission.h"
#include "dns/server/resolver.h"
#include "dns/server/tcp_connections.h"
#include "dns/server/tcp_listener.h"
#include "dns/server/tracer.h"
#include "dns/server/udp_batch.h"
#include "dns/server/udp_listener.h"
#include "src/common/asio.h"
#include "src/common/timer.h"

#include <mutex>
#include <utility>

namespace meshgate::dns::server {

namespace {

/// How often a draining worker looks whether all is answered. Only then, and for `patience` at
/// most.
constexpr std::chrono::milliseconds drain_grain{5};

}  // namespace

struct Worker::State {
    State(WorkerSockets sockets, const WorkerLimits& limits)
        : resolver(context, stats, limits.cache_bytes, limits.forward), tracer(resolver),
          connections(context, admission, resolver, stats, limits), drain_timer(context) {
        for (auto& fd : sockets.udp)
            udp.push_back(std::make_unique<UdpListener>(context, std::move(fd), batch, admission,
                                                        resolver, stats));
        for (auto& fd : sockets.tcp)
            tcp.push_back(std::make_unique<TcpListener>(context, std::move(fd), connections));
    }

    /// Runs `what` on the worker's thread; at once when the worker has ended.
    template <class Work>
    auto ask(Work what) {
        std::packaged_task<decltype(what())()> task{std::move(what)};
        auto answer = task.get_future();
        const std::lock_guard lock{ending};
        if (ended)
            task();
        else
            asio::post(context, std::move(task));
        return answer;
    }

    /// What comes before the first table waits in the sockets, rather than to hear of a failure: it
    /// is there in a moment.
    void start() {
        if (draining || std::exchange(listening, true)) return;
        for (auto& listener : udp) listener->start();
        for (auto& listener : tcp) listener->start();
    }

    void drain(Clock::time_point deadline) {
        if (std::exchange(draining, true)) return;
        for (auto& listener : tcp) listener->close();
        for (auto& listener : udp) listener->drain();
        connections.drain();
        finish_or_wait(deadline);
    }

    void finish_or_wait(Clock::time_point deadline) {
        const bool done = resolver.in_flight() == 0 && connections.empty();
        if (done || Clock::now() >= deadline) {
            for (auto& listener : udp) listener->close();
            context.stop();
            return;
        }
        drain_timer.wait_for(drain_grain, [this, deadline] { finish_or_wait(deadline); });
    }

    asio::io_context context{1};  ///< one thread runs it
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    WorkerStats stats;
    Admission admission;
    Resolver resolver;
    Tracer tracer;
    UdpBatch batch;
    std::vector<std::unique_ptr<UdpListener>> udp;
    TcpConnections connections;
    std::vector<std::unique_ptr<TcpListener>> tcp;
    Timer drain_timer;
    bool listening = false;
    bool draining = false;
    std::mutex ending;   ///< taken on the control path only
    bool ended = false;  ///< guarded by `ending`
};

Worker::Worker(WorkerSockets sockets, const WorkerLimits& limits)
    : state_(std::make_unique<State>(std::move(sockets), limits)) {}

Worker::~Worker() = default;

void Worker::run() {
    state_->context.run();
    const std::lock_guard lock{state_->ending};
    state_->ended = true;
    state_->context.restart();
    state_->context.poll();  // what was asked while it stopped
}

std::future<void> Worker::set_tables(std::shared_ptr<const zone::Table> owned,
                                     std::shared_ptr<const zone::Table> special) {
    return state_->ask(
        [state = state_.get(), owned = std::move(owned), special = std::move(special)]() mutable {
            state->resolver.set_tables(std::move(owned), std::move(special));
            state->start();
        });
}

std::future<void> Worker::set_access(std::shared_ptr<const AccessList> access) {
    return state_->ask([state = state_.get(), access = std::move(access)]() mutable {
        state->admission.set_access(std::move(access));
    });
}

std::future<void> Worker::set_search(SearchList domains) {
    return state_->ask([state = state_.get(), domains = std::move(domains)]() mutable {
        state->resolver.set_search(std::move(domains));
    });
}

std::future<void> Worker::set_fixed_answers(FixedAnswers answers) {
    return state_->ask([state = state_.get(), answers = std::move(answers)]() mutable {
        state->resolver.set_fixed_answers(std::move(answers));
    });
}

std::future<void> Worker::set_ttl_max(cache::TtlMax most) {
    return state_->ask([state = state_.get(), most] { state->resolver.set_ttl_max(most); });
}

std::future<void> Worker::set_rate_limit(std::uint32_t queries_per_second) {
    return state_->ask([state = state_.get(), queries_per_second] {
        state->admission.set_rate_limit(queries_per_second);
    });
}

std::future<void> Worker::set_query_log(std::shared_ptr<QueryLog> log) {
    return state_->ask([state = state_.get(), log = std::move(log)]() mutable {
        state->resolver.set_query_log(std::move(log));
    });
}

std::future<void> Worker::set_routes(std::vector<forward::Route> routes) {
    return state_->ask(
        [state = state_.get(), routes = std::move(routes)] { state->resolver.set_routes(routes); });
}

void Worker::drain(std::chrono::milliseconds patience) {
    static_cast<void>(state_->ask(
        [state = state_.get(), deadline = Clock::now() + patience] { state->drain(deadline); }));
}

std::future<std::vector<forward::UpstreamState>> Worker::upstreams() {
    return state_->ask([state = state_.get()] { return state->resolver.upstreams(); });
}

std::future<std::size_t> Worker::flush(std::vector<std::uint8_t> lower_qname) {
    return state_->ask([state = state_.get(), name = std::move(lower_qname)] {
        return state->resolver.flush(name);
    });
}

std::future<bool> Worker::keeps(std::vector<std::uint8_t> query) {
    return state_->ask([state = state_.get(), query = std::move(query)] {
        return state->resolver.kept(query).has_value();
    });
}

void Worker::trace(std::vector<std::uint8_t> query, TraceDone done) {
    static_cast<void>(state_->ask(
        [state = state_.get(), query = std::move(query), done = std::move(done)]() mutable {
            state->tracer.ask(query, std::move(done));
        }));
}

const WorkerStats& Worker::stats() const noexcept {
    return state_->stats;
}

}  // namespace meshgate::dns::server
