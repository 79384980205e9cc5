#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::forward {

class Server;

/// A query in the table of queries; stale when the slot has been used again since.
struct QueryRef {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;

    friend bool operator==(const QueryRef&, const QueryRef&) noexcept = default;
};

/// Never in the table.
inline constexpr QueryRef no_query{~std::uint32_t{0}, 0};

enum class Transport : std::uint8_t { udp, tcp };

/// What sockets and connections tell the forwarder. Called on its thread.
class ExchangeEvents {
public:
    /// The query's bytes, whose id the caller may change. Empty when the query is over.
    virtual std::span<std::uint8_t> message_of(QueryRef query) noexcept = 0;

    /// A reply that matches what was sent; its bytes may be changed.
    virtual void on_exchange_reply(Server& server, QueryRef query, Transport transport,
                                   std::span<std::uint8_t> reply) noexcept = 0;

    /// Refused, unreachable, closed: no reply will come from this attempt.
    virtual void on_exchange_error(Server& server, QueryRef query,
                                   Transport transport) noexcept = 0;

    virtual void on_ignored_reply() noexcept = 0;

    /// A reply over UDP that would match, were its letters in the case they were sent in: from a
    /// server that does not copy them, or from somebody who guessed the rest. The query goes on
    /// waiting.
    virtual void on_other_case(Server& /*server*/, QueryRef /*query*/) noexcept {}

protected:
    ExchangeEvents() = default;
    ~ExchangeEvents() = default;
    ExchangeEvents(const ExchangeEvents&) = default;
    ExchangeEvents& operator=(const ExchangeEvents&) = default;
};

}  // namespace meshgate::dns::forward
