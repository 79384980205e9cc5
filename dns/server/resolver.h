#pragma once

#include "dns/cache/cache.h"
#include "dns/forward/forwarder.h"
#include "dns/server/fixed_answers.h"
#include "dns/server/flights.h"
#include "dns/server/pending_clients.h"
#include "dns/server/query_log.h"
#include "dns/server/search_list.h"
#include "dns/server/stale_timer.h"
#include "dns/server/stats.h"
#include "dns/wire/question.h"
#include "dns/wire/reply.h"
#include "dns/zone/table.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace meshgate::dns::server {

/// Finds the answer of one query: the table, the cache, an error made here, or an upstream. One for
/// a worker; UDP and TCP both ask it.
class Resolver final : public forward::ReplySink {
public:
    Resolver(boost::asio::io_context& context, WorkerStats& stats, std::size_t cache_bytes,
             const forward::Limits& limits);

    void set_tables(std::shared_ptr<const zone::Table> owned,
                    std::shared_ptr<const zone::Table> special) noexcept;
    /// Answers that the question alone decides, from now on.
    void set_fixed_answers(FixedAnswers answers) noexcept { fixed_ = std::move(answers); }
    /// How long answers of upstreams are kept from now on, at most; what is kept is forgotten.
    void set_ttl_max(cache::TtlMax most) noexcept {
        cache_.set_ttl_max(most);
        forget_upstreams();
    }
    /// The search domains from now on.
    void set_search(SearchList domains) noexcept { search_ = std::move(domains); }
    /// When other suffixes have routes than before, everything that was cached is forgotten: it may
    /// be from the wrong servers.
    void set_routes(const std::vector<forward::Route>& routes);
    [[nodiscard]] std::vector<forward::UpstreamState> upstreams();

    enum class Next : std::uint8_t {
        send,     ///< `bytes` of `out` are the answer
        forward,  ///< call forward(): an upstream knows, or a feed in a moment
        drop      ///< no query at all; counted
    };
    struct Verdict {
        Next next;
        std::size_t bytes;
        Source source = Source::local;
        wire::Rcode rcode = wire::Rcode::noerror;
    };

    /// Answers `message`, or says that an upstream has to.
    ///
    /// @param out  at least path_payload_max(origin) bytes for UDP, 65,535 for TCP.
    Verdict answer(std::span<const std::uint8_t> message, Proto proto, Origin origin,
                   std::span<std::uint8_t> out) noexcept;

    enum class Rejection : std::uint8_t {
        cut,         ///< the kernel cut the end of a datagram: FORMERR
        prohibited,  ///< the client may not ask: REFUSED
        too_often    ///< the client shall come back over TCP: empty with TC=1
    };
    /// Answers `message` without looking for what it asks.
    Verdict reject(std::span<const std::uint8_t> message, Rejection why,
                   std::span<std::uint8_t> out) noexcept;

    struct Forwarded {
        Verdict verdict;           ///< an error to send at once; 0 bytes: nothing to send now
        std::uint64_t ticket = 0;  ///< not 0: Transport::deliver is called with it, once
    };

    /// Forwards the question of the last answer(), which said so. The reply goes to
    /// `client.transport`, never from within this call.
    /// @param trace  null, or where what becomes of it is written.
    Forwarded forward(const Client& client, Clock::time_point arrived, std::span<std::uint8_t> out,
                      const std::shared_ptr<forward::Trace>& trace = nullptr) noexcept;

    /// The client is gone.
    void cancel(std::uint64_t ticket) noexcept;

    /// Forgets a name (wire form, lower case), or everything for an empty one. @return how many.
    std::size_t flush(std::span<const std::uint8_t> lower_qname) noexcept;

    /// Where answers are written down from now on; null: nowhere. Shared with who reads them.
    void set_query_log(std::shared_ptr<QueryLog> log) noexcept { query_log_ = std::move(log); }

    /// To be told of each answer that answer(), reject() or forward() gave at once, for the query
    /// log.
    void answered(const Peer& client, Proto proto, const Verdict& verdict,
                  std::span<const std::uint8_t> out, Clock::time_point arrived) noexcept {
        if (!query_log_) return;
        const auto reply = out.first(verdict.bytes);
        if (query_log_->takes_this(reply)) log_answer(client, proto, verdict, reply, arrived);
    }

    /// The type that the last query asked for; 0 when its question could not be read.
    [[nodiscard]] std::uint16_t asked_type() const noexcept {
        return question_.qname_bytes == 0 ? std::uint16_t{0} : question_.qtype;
    }

    /// What the cache has of the question in `message`, fresh or stale.
    [[nodiscard]] std::optional<cache::Kept> kept(std::span<const std::uint8_t> message) noexcept;

    /// Clients that wait.
    [[nodiscard]] std::size_t in_flight() const noexcept { return pending_.waiting(); }

private:
    void on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept override;
    void on_failure(std::uint64_t ticket, forward::Failure failure) noexcept override;

    void forget_upstreams() noexcept;
    [[nodiscard]] bool comes_back(const Client& client) noexcept;
    static std::uint32_t cache_clock() noexcept;
    Verdict local(wire::Rcode rcode, wire::Ede ede, std::span<std::uint8_t> out) noexcept;
    [[nodiscard]] std::optional<Verdict> fixed(const FixedAnswers::List& list,
                                               std::span<std::uint8_t> out) noexcept;
    Verdict sent(Source source, std::span<const std::uint8_t> answer) noexcept;
    Verdict from_cache(Origin origin, std::span<std::uint8_t> out) noexcept;
    std::size_t from_table(std::size_t limit, std::span<std::uint8_t> out) const noexcept;
    Verdict hold() noexcept;
    Verdict ask_outside(std::span<std::uint8_t> out) noexcept;
    void refresh() noexcept;
    bool fly(std::uint64_t ticket, const std::shared_ptr<forward::Trace>& trace) noexcept;
    void relay(std::uint64_t ticket, std::span<const std::uint8_t> reply,
               wire::ReplyOptions options) noexcept;
    void fail(std::uint64_t ticket, forward::Failure failure) noexcept;
    void on_held_end(std::uint64_t ticket) noexcept;
    void answer_held() noexcept;
    bool give_stale(std::uint64_t ticket) noexcept;
    std::size_t stale_for(const PendingClient& pending) noexcept;
    void on_patience_end(std::uint64_t ticket) noexcept;
    void deliver(const PendingClient& pending, std::uint64_t ticket, Source source,
                 std::span<const std::uint8_t> reply) noexcept;
    void log_answer(const Peer& client, Proto proto, const Verdict& verdict,
                    std::span<const std::uint8_t> reply, Clock::time_point arrived) const noexcept;
    void log_delivery(const PendingClient& pending, Source source,
                      std::span<const std::uint8_t> reply) const noexcept;
    void count_cache() noexcept;
    void finish(std::uint64_t ticket, Source source, std::span<const std::uint8_t> reply) noexcept;

    WorkerStats& stats_;
    std::shared_ptr<const zone::Table> owned_, special_;  ///< shared with the other workers
    SearchList search_;
    FixedAnswers fixed_;
    PendingClients pending_;
    wire::Question question_;  ///< the last one parsed: not on the stack, where it would be cleared
    std::size_t limit_ = 0;    ///< bytes its client can take
    bool cacheable_ = false;   ///< whether the last one parsed may be answered from the cache
    bool names_to_come_ = false;  ///< owned_ is not complete
    bool hold_ = false;           ///< whether the last one parsed waits for them
    bool in_cache_ = false;       ///< whether the cache has something of it, fresh or not
    Flights flights_;             ///< of the pending that may share a reply
    const std::unique_ptr<std::uint8_t[]> scratch_memory_;
    const std::span<std::uint8_t> scratch_;  ///< one largest message
    cache::Cache cache_;
    StaleTimer patience_;
    StaleTimer held_;  ///< the pending that wait for names to come
    std::shared_ptr<QueryLog> query_log_;
    forward::Forwarder forwarder_;
    std::vector<std::vector<std::uint8_t>> suffixes_;  ///< of its routes
};

}  // namespace meshgate::dns::server
