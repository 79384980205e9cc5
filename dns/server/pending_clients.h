#pragma once

#include "dns/server/stats.h"
#include "dns/server/udp_path.h"
#include "dns/wire/question.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace meshgate::dns::server {

using Clock = std::chrono::steady_clock;

struct Client;

/// Sends answers that come later: a UDP socket, or the TCP connections.
class Transport {
public:
    virtual ~Transport() = default;

    /// `reply` fits the client and is valid during the call only. The client may be gone.
    virtual void deliver(const Client& client, std::uint64_t ticket, Source source,
                         std::span<const std::uint8_t> reply) noexcept = 0;

protected:
    Transport() = default;
    Transport(const Transport&) = default;
    Transport& operator=(const Transport&) = default;
};

/// Who asked.
struct Client {
    Transport* transport = nullptr;  ///< null: nobody waits, the reply is for the cache
    Proto proto = Proto::udp;
    std::uint64_t connection = 0;  ///< TCP
    UdpPath path;                  ///< UDP
};

/// A client whose query is with an upstream.
struct PendingClient {
    /// Header, question and an OPT without options: enough for an error, and for telling a
    /// retransmit from another query.
    static constexpr std::size_t query_bytes_max =
        wire::header_bytes + wire::name_bytes_max + 4 + 11;

    Client client;
    std::size_t limit = 0;  ///< bytes the client can take
    Clock::time_point arrived;
    bool cacheable = false;  ///< its reply may be kept, and a kept one stand for it
    std::size_t query_bytes = 0;
    std::array<std::uint8_t, query_bytes_max> query;  ///< the first query_bytes are valid

    PendingClient() = default;
    PendingClient(const PendingClient& other) noexcept { *this = other; }
    PendingClient& operator=(const PendingClient& other) noexcept {
        client = other.client;
        limit = other.limit;
        arrived = other.arrived;
        cacheable = other.cacheable;
        query_bytes = other.query_bytes;
        std::copy_n(other.query.begin(), query_bytes, query.begin());
        return *this;
    }
    ~PendingClient() = default;

    [[nodiscard]] std::span<const std::uint8_t> query_view() const noexcept {
        return {query.data(), query_bytes};
    }
};

/// The clients of one worker that wait for upstreams, by ticket. Bounded; allocates only when it is
/// made.
class PendingClients {
public:
    explicit PendingClients(std::size_t capacity);

    enum class Outcome : std::uint8_t { added, duplicate, full };
    struct Added {
        Outcome outcome;
        std::uint64_t ticket;  ///< never 0, and never the same twice
    };

    /// `duplicate`: the same query of the same UDP client is here already (a retransmit); the
    /// answer under way serves both.
    Added add(const Client& client, const wire::Question& question, std::size_t limit,
              Clock::time_point arrived, bool cacheable = false) noexcept;

    /// Null for a ticket that is gone. Valid until the next add() or remove().
    [[nodiscard]] const PendingClient* find(std::uint64_t ticket) const noexcept;

    void remove(std::uint64_t ticket) noexcept;

    /// The client has an answer; the reply that still comes is for the cache.
    void answered(std::uint64_t ticket) noexcept;

    /// The replies that are still to come are not to be kept.
    void forbid_caching() noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Those that somebody waits for.
    [[nodiscard]] std::size_t waiting() const noexcept { return size_ - unattended_; }

private:
    static constexpr std::uint32_t none = 0xffffffff;

    struct Slot {
        PendingClient pending;
        std::uint32_t generation = 0;  ///< of the ticket that holds or held it
        std::uint32_t bucket = 0;
        std::uint32_t next = none;  ///< in the bucket, or in the free list
        bool taken = false;
    };

    [[nodiscard]] std::size_t bucket_of(const Client& client, std::uint16_t id) const noexcept;
    [[nodiscard]] bool holds(std::size_t bucket, const PendingClient& wanted) const noexcept;

    std::size_t capacity_;
    std::size_t size_ = 0;
    std::size_t unattended_ = 0;  ///< whose client is null
    std::uint64_t seed_;          ///< so that nobody can fill one bucket
    std::vector<Slot> slots_;     ///< reserved whole, used from the front: memory follows load
    std::uint32_t free_ = none;   ///< last used first: its lines are still cached
    std::vector<std::uint32_t> buckets_;  ///< first slot of each; a power of two
    PendingClient scratch_;
};

}  // namespace meshgate::dns::server
