#pragma once

#include "conf/address.h"
#include "dns/forward/route.h"
#include "dns/forward/trace.h"
#include "dns/wire/question.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate::dns::forward {

/// Why a query got no answer; decides the extended error of the SERVFAIL.
enum class Failure : std::uint8_t {
    no_upstream,  ///< none configured, or all are ourselves: EDE 22
    timeout,      ///< nobody answered in time: EDE 22
    network,      ///< every attempt failed at once (refused, unreachable): EDE 23
    loop,         ///< our own query came back to us through a redirect: EDE 23, counted
    overload,     ///< too many in flight
};

/// Whoever asked: the server. Called on the worker's thread, exactly once for each accepted query,
/// never from within forward(). It may call the forwarder, but not end it.
class ReplySink {
public:
    virtual ~ReplySink() = default;

    /// `reply` is the upstream's message with the client's id and the client's spelling of the
    /// question put back, everything else byte for byte. Valid during the call only. It may be
    /// larger than the client can take; truncation is the server's.
    virtual void on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept = 0;

    virtual void on_failure(std::uint64_t ticket, Failure failure) noexcept = 0;
};

struct Limits {
    std::chrono::milliseconds first_try{800};  ///< before another server is asked as well
    std::chrono::milliseconds total{4500};     ///< then the query fails; clients give up at 5 s
    std::size_t in_flight = 4096;              ///< queries, for each worker
    std::size_t udp_sockets =
        64;  ///< for each worker and address family, each at a random port, renewed in turn
    std::size_t tcp_connections = 64;  ///< to upstreams, for each worker
    bool mix_case = false;             ///< of the letters that are sent (Spelling)
    bool lower_case = false;  ///< all letters that are sent, for servers that go by it (Envoy's DNS
                              ///< filter); not together with mix_case
};

struct UpstreamState {
    conf::SocketAddress address;
    bool up = true;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
    std::optional<std::chrono::nanoseconds> time_to_reply = {};  ///< smoothed; none: not known yet
};

/// Asks the upstreams: one for each worker, all of it on the worker's thread.
///
/// Random ids (getrandom), random ports, replies matched on address, port, id and question;
/// anything else is ignored until the timer. TC goes to TCP. A server that fails is passed over
/// while another one answers, and probed again.
class Forwarder {
public:
    /// Opens nothing yet: sockets are opened at the first query, after the program has changed its
    /// user.
    Forwarder(boost::asio::io_context& context, ReplySink& sink, const Limits& limits);
    ~Forwarder();
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    /// Replaces the servers; queries in flight finish with the old ones. Health of a server that
    /// stays is kept; a server of several routes is one server. A name goes the route of its
    /// longest suffix; none: as without upstreams.
    void set_routes(std::span<const Route> routes);

    /// Whether the name goes another route than all others.
    [[nodiscard]] bool has_own_route(std::span<const std::uint8_t> lower_qname) const noexcept;

    /// Takes a query. @return false when the table is full: the caller answers SERVFAIL.
    /// @param trace  null, or where what becomes of it is written.
    bool forward(const wire::Question& question, std::uint64_t ticket,
                 const std::shared_ptr<Trace>& trace = nullptr) noexcept;

    /// The client is gone: its answer is not wanted any more (on_reply is not called for it).
    void cancel(std::uint64_t ticket) noexcept;

    [[nodiscard]] std::size_t in_flight() const noexcept;
    [[nodiscard]] std::vector<UpstreamState> upstreams() const;

    /// True for a message that this process itself sent upstream, by whichever worker, and that a
    /// redirect brought back: id, question and source port are those of a query under way.
    [[nodiscard]] bool is_ours(const wire::Question& question,
                               std::uint16_t source_port) const noexcept;

    /// One of the servers is there.
    [[nodiscard]] bool has_server_at(const conf::IpAddress& address) const noexcept;

    /// From upstreams: wrong address, id or question.
    [[nodiscard]] std::uint64_t ignored_replies() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;  ///< shared with handlers still queued when this ends
};

}  // namespace meshgate::dns::forward
