#pragma once

#include "dns/forward/forwarder.h"
#include "dns/forward/query_table.h"
#include "dns/forward/ready_set.h"
#include "dns/forward/receive_batch.h"
#include "dns/forward/server.h"
#include "dns/wire/suffix_set.h"
#include "src/common/timer.h"

#include <memory>
#include <span>
#include <vector>

namespace meshgate::dns::forward {

/// The forwarder itself: which server is asked when, and what becomes of its reply.
struct Forwarder::State final : ExchangeEvents, std::enable_shared_from_this<Forwarder::State> {
    State(asio::io_context& context, ReplySink& sink, const Limits& limits);

    void set_routes(std::span<const Route> routes);
    bool forward(const wire::Question& question, std::uint64_t ticket,
                 const std::shared_ptr<Trace>& trace);
    void cancel(std::uint64_t ticket) noexcept;
    void stop() noexcept;  ///< nobody listens any more

    std::span<std::uint8_t> message_of(QueryRef query) noexcept override;
    void on_exchange_reply(Server& server, QueryRef query, Transport transport,
                           std::span<std::uint8_t> reply) noexcept override;
    void on_exchange_error(Server& server, QueryRef query, Transport transport) noexcept override;
    void on_ignored_reply() noexcept override { ++ignored; }
    void on_other_case(Server& server, QueryRef query) noexcept override;

    asio::io_context& context;
    ReplySink* sink;  ///< null after stop()
    Limits limits;
    Random random;
    ReceiveBatch batch;
    std::shared_ptr<ReadySet> ready;
    QueryTable queries;
    ServerList servers;  ///< of all routes, each once
    std::uint64_t ignored = 0;
    wire::SuffixSet suffixes;  ///< indices of `routes_`

private:
    std::shared_ptr<Server> server_at(const conf::SocketAddress& address,
                                      const Server::Bounds& bounds, ServerList& fresh);
    ServerList servers_at(const std::vector<conf::SocketAddress>& addresses,
                          const Server::Bounds& bounds, ServerList& fresh);
    [[nodiscard]] std::shared_ptr<const RouteServers>
    route_for(std::span<const std::uint8_t> lower_qname) const noexcept;

    static void note(const Query& query, Trace::What what, const Server& server,
                     Transport transport, wire::Rcode rcode = wire::Rcode::noerror) noexcept;
    static void note(const Query& query, Trace::What what) noexcept;

    void begin_with(Query& query, const ServerList& list) noexcept;
    bool fall_over(std::uint32_t slot, unsigned rcode, unsigned answers) noexcept;
    void mix_case(Query& query) noexcept;
    static bool goes_without_edns(const Query& query, const Server& server) noexcept;
    bool ask_without_edns(Server& server, std::uint32_t slot, Transport transport);

    struct Choice {
        Server* server;
        std::uint32_t bit;
    };

    [[nodiscard]] std::optional<Choice> choose(const Query& query) const noexcept;
    /// @return false when no server is left in this round.
    bool try_next(std::uint32_t slot, Clock::time_point now);
    [[nodiscard]] Wait patience_with(const Query& query, const Server& server) const noexcept;
    void wait_for(std::uint32_t slot, Clock::time_point now, Wait wait = Wait::whole) noexcept;
    static void heard_of(Query& query, const Server& server) noexcept;
    void learn_time(Server& server, const Query& query) const noexcept;
    bool send_to(std::uint32_t slot, const Choice& choice);
    bool send_over_tcp(std::uint32_t slot, Server& server);
    void forget_tcp(std::uint32_t slot) noexcept;
    void keep_fallback(Query& query, Fallback kind, std::span<const std::uint8_t> reply);
    void give_up_or_go_on(std::uint32_t slot);
    void on_truncated(Server& server, std::uint32_t slot, std::span<const std::uint8_t> reply);

    void finish(std::uint32_t slot, std::span<std::uint8_t> reply) noexcept;
    void finish_with_fallback(std::uint32_t slot, Failure otherwise) noexcept;
    void fail(std::uint32_t slot, Failure failure) noexcept;
    void fail_later(std::uint32_t slot, Failure failure);
    void forget_attempts(std::uint32_t slot) noexcept;
    void release(std::uint32_t slot) noexcept;

    void arm();
    void on_timer();
    void hedge(std::uint32_t slot, Clock::time_point now);
    void tidy_later();

    std::vector<std::shared_ptr<const RouteServers>> routes_;
    const std::shared_ptr<const RouteServers> nobody_ = std::make_shared<RouteServers>();
    Timer timer_;
    Timer tidy_timer_;
    Clock::time_point armed_for_ = Clock::time_point::max();
    bool tidying_ = false;
};

}  // namespace meshgate::dns::forward
