#pragma once

#include "dns/forward/exchange.h"
#include "dns/forward/pending.h"
#include "dns/forward/random.h"
#include "dns/forward/reply_stream.h"
#include "src/common/asio.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace meshgate::dns::forward {

/// A TCP connection to a server with several queries on it at a time (RFC 7766 section 6.2.1.1),
/// answered in any order.
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
public:
    static constexpr std::size_t queries_max = 64;

    /// Called once when the connection ends, with the queries that it leaves without a reply.
    using OnClosed = std::function<void(TcpConnection&, Pending unanswered)>;

    TcpConnection(asio::io_context& context, ExchangeEvents& events, Random& random, Server& server,
                  OnClosed on_closed);

    /// @return false when the system has no socket for it.
    bool connect(const asio::ip::tcp::endpoint& remote);

    /// Queues the query; it leaves when the connection is made. @pre in_flight() < queries_max
    void send(QueryRef query, std::span<std::uint8_t> message);

    void forget(QueryRef query) noexcept;
    void close() noexcept;  ///< without a word to anybody
    void fail();            ///< closes, and says so

    [[nodiscard]] std::size_t in_flight() const noexcept { return pending_.size(); }
    [[nodiscard]] bool has(QueryRef query) const noexcept { return pending_.has(query); }
    [[nodiscard]] bool is_connected() const noexcept { return connected_; }
    [[nodiscard]] bool has_answered() const noexcept { return answered_; }
    [[nodiscard]] bool is_closed() const noexcept { return closed_; }
    [[nodiscard]] std::chrono::steady_clock::time_point last_used() const noexcept {
        return last_used_;
    }
    /// The last reply, or the query that nothing has come after. @pre in_flight() > 0
    [[nodiscard]] std::chrono::steady_clock::time_point waiting_since() const noexcept {
        return waiting_since_;
    }

private:
    void write();
    void read();
    void on_message(std::span<std::uint8_t> message);

    asio::ip::tcp::socket socket_;
    ExchangeEvents& events_;
    Random& random_;
    Server& server_;
    OnClosed on_closed_;
    std::vector<std::uint8_t> unsent_, sending_;
    ReplyStream in_;
    Pending pending_;
    std::chrono::steady_clock::time_point last_used_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point waiting_since_ = last_used_;
    bool connected_ = false, writing_ = false, answered_ = false, closed_ = false;
};

}  // namespace meshgate::dns::forward
