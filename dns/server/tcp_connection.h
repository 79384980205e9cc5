#pragma once

#include "dns/server/admission.h"
#include "dns/server/resolver.h"
#include "dns/server/tcp_framing.h"
#include "dns/server/worker.h"
#include "src/common/asio.h"
#include "src/common/unique_fd.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace meshgate::dns::server {

/// What the TCP connections of a worker share: none of it is in use between two events.
struct TcpShared {
    TcpShared(const Admission& admission_, Resolver& resolver_, WorkerStats& stats_,
              const WorkerLimits& limits_);

    static constexpr std::size_t read_bytes = std::size_t{32} << 10;
    static constexpr std::size_t write_bytes = std::size_t{96} << 10;  ///< > one largest answer
    /// Unsent answers of all connections of a worker: clients that do not read cannot take more.
    static constexpr std::size_t unsent_bytes_max = std::size_t{64} << 20;

    const Admission& admission;
    Resolver& resolver;
    WorkerStats& stats;
    const WorkerLimits limits;
    const std::unique_ptr<std::uint8_t[]> read_buffer;
    const std::unique_ptr<std::uint8_t[]> write_buffer;
    std::size_t unsent_bytes = 0;  ///< of all connections
};

/// Who connected.
struct TcpPeer {
    Peer address{.v6 = {}};
    bool here = false;  ///< it is on this machine

    [[nodiscard]] AddressFamily family() const noexcept {
        return address.generic.sa_family == AF_INET ? AddressFamily::ipv4 : AddressFamily::ipv6;
    }
};

/// One client's connection: messages in, answers out in any order (RFC 7766 section 7).
///
/// Never waits and never closes itself: TcpConnections calls on_readable(), on_writable() and
/// on_replies(), then looks at wants_read(), wants_write() and finished().
class TcpConnection {
public:
    TcpConnection(asio::io_context& context, UniqueFd fd, const TcpPeer& peer, std::uint64_t id,
                  TcpShared& shared, Transport& transport);
    ~TcpConnection();
    TcpConnection(const TcpConnection&) = delete;
    TcpConnection& operator=(const TcpConnection&) = delete;

    /// Reads what is there (a bounded part of it), answers it, writes the answers in one go.
    void on_readable() noexcept;
    void on_writable() noexcept;
    /// After reply(): writes, and goes on with messages that had to wait.
    void on_replies() noexcept;

    /// Appends an answer that came from upstream. Nothing is written before on_replies().
    void reply(std::uint64_t ticket, std::span<const std::uint8_t> message) noexcept;

    /// Reads no more; what was read is still answered.
    void end_input() noexcept { input_ended_ = true; }

    [[nodiscard]] bool wants_read() const noexcept { return !input_ended_ && !paused(); }
    [[nodiscard]] bool wants_write() const noexcept { return !broken_ && unsent() > 0; }
    /// Nothing more can come of it.
    [[nodiscard]] bool finished() const noexcept {
        return broken_ || (input_ended_ && owes_nothing());
    }
    /// No query is unanswered, no answer unsent.
    [[nodiscard]] bool owes_nothing() const noexcept { return tickets_.empty() && unsent() == 0; }
    [[nodiscard]] bool awaits_upstream() const noexcept { return !tickets_.empty(); }

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] asio::posix::stream_descriptor& socket() noexcept { return socket_; }

    /// Last time that a whole message came or the client took bytes. Half a message is no activity:
    /// a client that drips it is closed all the same.
    [[nodiscard]] Clock::time_point last_active() const noexcept { return last_active_; }
    void touch(Clock::time_point now) noexcept { last_active_ = now; }

    bool read_armed = false;   ///< TcpConnections waits for it
    bool write_armed = false;  ///< TcpConnections waits for it
    bool step_posted = false;  ///< on_replies() is on its way

private:
    [[nodiscard]] std::size_t unsent() const noexcept { return unsent_.size() - unsent_offset_; }
    /// The client does not read, or has enough in flight: its next messages wait.
    [[nodiscard]] bool paused() const noexcept;
    /// False when the stream gave less than was asked for: nothing is left in the socket.
    bool read_some() noexcept;
    void answer_messages(Clock::time_point arrived) noexcept;
    void answer_one(std::span<const std::uint8_t> message, Clock::time_point arrived) noexcept;
    Resolver::Verdict answer(std::span<const std::uint8_t> message,
                             std::span<std::uint8_t> out) noexcept;
    void flush() noexcept;
    [[nodiscard]] std::size_t send(std::span<const std::uint8_t> bytes) noexcept;
    void append_unsent(std::span<const std::uint8_t> bytes) noexcept;
    void drop_sent(std::size_t bytes) noexcept;

    asio::posix::stream_descriptor socket_;
    const TcpPeer peer_;
    std::uint64_t id_;
    TcpShared& shared_;
    Transport& transport_;
    TcpFraming framing_;
    std::vector<std::uint64_t> tickets_;  ///< forwarded, not answered yet
    std::vector<std::uint8_t> unsent_;
    std::size_t unsent_offset_ = 0;
    std::size_t gathered_ = 0;  ///< bytes of answers in the shared write buffer
    std::size_t answers_ = 0;   ///< as many are in it
    bool input_ended_ = false;
    bool broken_ = false;
    Clock::time_point last_active_ = Clock::now();
};

}  // namespace meshgate::dns::server
