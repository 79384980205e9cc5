#pragma once

#include "dns/server/stats.h"
#include "dns/server/udp_path.h"
#include "dns/wire/question.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace meshgate::dns::server {

/// One query and what it was answered with, of a size that does not depend on it.
struct LoggedQuery {
    std::chrono::system_clock::time_point time;  ///< of the answer
    std::chrono::nanoseconds took{0};
    Peer client{.v6 = {}};
    Proto proto = Proto::udp;
    Source source = Source::local;
    wire::Rcode rcode = wire::Rcode::noerror;
    std::uint16_t qtype = 0;
    std::uint16_t qclass = 0;
    std::uint16_t id = 0;
    std::uint16_t query_bytes = 0;
    std::uint16_t udp_payload_size = wire::udp_payload_default;  ///< that the client can take
    bool dnssec_ok = false;
    std::uint16_t answer_flags = 0;    ///< the second header word
    std::uint16_t answer_records = 0;  ///< of the answer section
    std::uint16_t answer_bytes = 0;
    std::uint8_t qname_bytes = 0;  ///< 0: the query had no name that could be read
    std::array<std::uint8_t, wire::name_bytes_max>
        qname_buffer;  ///< wire form, as the client spelled it

    [[nodiscard]] std::span<const std::uint8_t> qname() const noexcept {
        return {qname_buffer.data(), qname_bytes};
    }
};

/// What an answer says of its question.
enum class ReplyClass : std::uint8_t {
    success = 1,  ///< records
    denial = 2,   ///< NXDOMAIN or NODATA
    error = 4     ///< any other rcode
};
using ReplyClasses = std::uint8_t;  ///< ReplyClass, or'ed
inline constexpr ReplyClasses every_reply = 7;

/// @param rcode  of the header or extended; @param answers  records of the answer section.
constexpr ReplyClass class_of(wire::Rcode rcode, std::uint16_t answers) noexcept {
    if (rcode == wire::Rcode::nxdomain) return ReplyClass::denial;
    if (rcode != wire::Rcode::noerror) return ReplyClass::error;
    return answers == 0 ? ReplyClass::denial : ReplyClass::success;
}

/// Queries on their way from the worker that answered them to who writes them down: a ring with one
/// writer and one reader, neither of which ever waits. Whoever reads too slowly loses the newest.
class QueryLog {
public:
    /// @param capacity queries, a power of two
    /// @param one_in   so many are answered for one that is taken, on average and at random, 1 or
    ///   more
    /// @param classes  of answers; others are never taken
    QueryLog(std::size_t capacity, std::uint32_t one_in, ReplyClasses classes = every_reply);

    /// Whether the query that is being answered with `reply` is to be written. Worker.
    [[nodiscard]] bool takes_this(std::span<const std::uint8_t> reply) noexcept {
        if (classes_ != every_reply && !is_wanted(reply)) return false;
        if (--until_next_ != 0) return false;
        until_next_ = draw();
        return true;
    }

    /// Worker.
    void write(const LoggedQuery& query) noexcept;

    /// Takes out the oldest. @return how many are in `out`. Reader.
    std::size_t read(std::span<LoggedQuery> out) noexcept;

    /// How many there was no room for. Any thread.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.get(); }

private:
    [[nodiscard]] std::uint32_t draw() noexcept;
    [[nodiscard]] bool is_wanted(std::span<const std::uint8_t> reply) const noexcept;

    ReplyClasses classes_;
    std::uint32_t one_in_;
    std::uint32_t until_next_;
    std::uint32_t random_;  ///< never 0; nothing is guarded by it
    std::vector<LoggedQuery> ring_;
    alignas(64) std::atomic<std::size_t> written_{0};
    alignas(64) std::atomic<std::size_t> read_{0};
    Counter lost_;
};

}  // namespace meshgate::dns::server
