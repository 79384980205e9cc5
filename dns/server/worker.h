#pragma once

#include "dns/cache/cache.h"
#include "dns/forward/forwarder.h"
#include "dns/server/access_list.h"
#include "dns/server/fixed_answers.h"
#include "dns/server/query_log.h"
#include "dns/server/search_list.h"
#include "dns/server/sockets.h"
#include "dns/server/stats.h"
#include "dns/server/trace_report.h"
#include "dns/zone/table.h"

#include <chrono>
#include <future>
#include <memory>
#include <vector>

namespace meshgate::dns::server {

struct WorkerLimits {
    std::size_t tcp_connections =
        1024;  ///< for each worker; the one idle longest is closed for a new one
    std::size_t tcp_in_flight = 64;  ///< forwarded queries for each connection; reading stops above
    std::size_t tcp_write_bytes =
        std::size_t{1} << 18;           ///< unsent answers for each connection; reading stops above
    std::chrono::seconds tcp_idle{10};  ///< RFC 7766 section 6.2.3
    std::size_t cache_bytes = 0;        ///< for each worker; 0: nothing is cached
    forward::Limits forward{};
};

/// One thread's share of the server: its sockets, its forwarder, its table pointer. Workers share
/// nothing but the immutable table.
///
/// A datagram is parsed in place; the table is asked first, always; what it does not own goes to
/// the forwarder. Answers leave from the address that was asked (PKTINFO).
class Worker {
public:
    Worker(WorkerSockets sockets, const WorkerLimits& limits);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Serves on the calling thread until drain() is done.
    void run();

    // The rest may be called from any thread, before, during and after run().

    /// The tables from the next batch on; with the first ones the worker begins to listen. The
    /// future is ready when the worker has them. Shared
    /// because every worker answers from the same immutable tables while the next ones are made;
    /// the last user frees them: keep a large one until all workers have the next, so that none of
    /// them has to.
    /// @param owned    asked first. @param special asked when an upstream would be; may be null.
    std::future<void> set_tables(std::shared_ptr<const zone::Table> owned,
                                 std::shared_ptr<const zone::Table> special = nullptr);

    /// Who may ask from outside this machine, from the next query on. Nobody before the first call.
    std::future<void> set_access(std::shared_ptr<const AccessList> access);

    /// Search domains for which an owned name has aliases; none before the first call.
    std::future<void> set_search(SearchList domains);

    /// Answers that the question alone decides; none before the first call.
    std::future<void> set_fixed_answers(FixedAnswers answers);

    /// How long answers of upstreams are kept, at most.
    std::future<void> set_ttl_max(cache::TtlMax most);

    /// Queries a second that one source outside this machine may send over UDP (RateLimiter); 0,
    /// as before the first call: any number.
    std::future<void> set_rate_limit(std::uint32_t queries_per_second);

    /// Where answers are written down from now on; null: nowhere, as before the first call.
    std::future<void> set_query_log(std::shared_ptr<QueryLog> log);

    /// Replaces the upstreams; queries in flight finish with the old ones.
    std::future<void> set_routes(std::vector<forward::Route> routes);

    /// Stops accepting, answers what is queued in the sockets and what is in flight, for `patience`
    /// at most, then closes them all and run() returns.
    void drain(std::chrono::milliseconds patience);

    std::future<std::vector<forward::UpstreamState>> upstreams();

    /// Forgets cached answers: of one name (wire form, lower case), or all of them for an empty
    /// one.
    /// @return how many.
    std::future<std::size_t> flush(std::vector<std::uint8_t> lower_qname);

    /// Whether the cache has something of this query, fresh or stale.
    std::future<bool> keeps(std::vector<std::uint8_t> query);

    /// Asks a query and tells on the worker's thread what became of it (Tracer::ask).
    void trace(std::vector<std::uint8_t> query, TraceDone done);

    [[nodiscard]] const WorkerStats& stats() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace meshgate::dns::server
