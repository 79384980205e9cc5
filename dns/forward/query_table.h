#pragma once

#include "dns/forward/exchange.h"
#include "dns/forward/health.h"
#include "dns/forward/route_servers.h"
#include "dns/forward/spelling.h"
#include "dns/forward/trace.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::forward {

class UdpSocket;

/// A reply that is relayed when none better comes, the better the higher.
enum class Fallback : std::uint8_t { none, refused, unwilling, failed, truncated };

/// A query that waits for a reply.
struct Query {
    static constexpr std::size_t attempts_max = 8;
    static constexpr std::size_t small_bytes = 512;

    std::uint64_t ticket = 0;
    std::uint32_t generation = 0;
    std::uint16_t client_id = 0;
    bool used = false;
    bool large = false;  ///< the message came as one above small_bytes
    std::vector<std::uint8_t>
        message;         ///< as the client sent it; its first two bytes are the last attempt's id
    Spelling spelling;   ///< of the client
    bool mixed = false;  ///< the message has another
    Server* other_case = nullptr;               ///< replied, but for the letters
    std::shared_ptr<const RouteServers> route;  ///< shared with those that began with it as well
    const ServerList* servers = nullptr;        ///< those of `route` that are asked now
    std::size_t first = 0;                      ///< which of them is the first in order
    bool fell_over = false;                     ///< they are those of an alternative
    std::uint32_t tried = 0;                    ///< a bit for each server in this round
    std::uint8_t patience = 1;  ///< turns of the timer before all are asked once more
    std::uint8_t turns = 0;     ///< of these, how many have passed
    std::array<std::shared_ptr<UdpSocket>, attempts_max> sockets;  ///< one for each UDP attempt
    std::size_t attempts = 0;
    std::size_t waiting = 0;  ///< attempts that may still be answered
    Server* tcp_server = nullptr;
    Server* last_server = nullptr;  ///< asked over UDP, and not heard of since
    Server* plain_for = nullptr;  ///< this one refused it with EDNS, and is asked without
    bool was_plain = false;       ///< the last attempt went without
    bool impatient = false;       ///< it waits for half of the time
    Fallback fallback_kind = Fallback::none;
    std::vector<std::uint8_t> fallback;
    std::shared_ptr<Trace> trace;  ///< null, but for a person who asks; shared with who reads it,
                                   ///< who may have gone before the query is over
    Clock::time_point next_try, expires;
    std::uint32_t hedge_before = 0, hedge_after = 0;    ///< links of the list by next_try
    std::uint32_t expiry_before = 0, expiry_after = 0;  ///< links of the list by expires
};

/// How long a query waits before another server is asked as well.
enum class Wait : std::uint8_t { half, whole };  ///< of Limits::first_try

/// A fixed number of slots, made as they are needed, and three lists through them: by the end of
/// the query, and by the next try for each Wait. Each list has one duration for all its queries, so
/// appending keeps it in order of time and no timer per query is needed.
class QueryTable {
public:
    explicit QueryTable(std::size_t slots_max);

    /// A fresh slot with this message, in no list. Empty when all are used, or those for messages
    /// above Query::small_bytes, of which there are a few only.
    std::optional<std::uint32_t> take(std::span<const std::uint8_t> message);
    /// Frees a slot and takes it out of its lists.
    void release(std::uint32_t slot) noexcept;

    [[nodiscard]] Query& operator[](std::uint32_t slot) noexcept { return queries_[slot]; }
    /// Null when the slot has another query by now, or none.
    [[nodiscard]] Query* find(QueryRef query) noexcept;
    [[nodiscard]] QueryRef ref(std::uint32_t slot) const noexcept {
        return {slot, queries_[slot].generation};
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

    void schedule_expiry(std::uint32_t slot, Clock::time_point at) noexcept;
    /// Again, at the end of the list of that wait.
    void schedule_next_try(std::uint32_t slot, Clock::time_point at, Wait wait) noexcept;

    [[nodiscard]] std::optional<std::uint32_t> first_expiry() const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> first_next_try() const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> next_expiry(std::uint32_t slot) const noexcept;

private:
    struct Links {
        std::uint32_t Query::*before;
        std::uint32_t Query::*after;
    };
    static constexpr Links hedge{&Query::hedge_before, &Query::hedge_after};
    static constexpr Links expiry{&Query::expiry_before, &Query::expiry_after};

    void append(const Links& links, std::uint32_t head, std::uint32_t slot) noexcept;
    void unlink(const Links& links, std::uint32_t slot) noexcept;
    [[nodiscard]] std::optional<std::uint32_t> first(const Links& links,
                                                     std::uint32_t head) const noexcept;

    /// Slots that are no queries but the heads of lists: slot 0 of the one by end, and that many of
    /// those by next try.
    static constexpr std::uint32_t heads = 2;

    static constexpr std::size_t large_max = 128;  ///< 8 MiB of 65,535 each

    std::size_t slots_max_;
    std::vector<Query> queries_;  ///< `heads`, then those that were ever needed
    std::vector<std::uint32_t> free_;
    std::size_t in_use_ = 0;
    std::size_t large_in_use_ = 0;
};

}  // namespace meshgate::dns::forward
