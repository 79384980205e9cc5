#include "dns/server/tcp_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace meshgate::dns::server {

namespace {

constexpr std::size_t frame_bytes_max = length_bytes + wire::message_bytes_max;
constexpr int reads_max = 4;                    ///< in a row, before others get their turn
constexpr std::size_t unsent_kept_max = 16384;  ///< an unsent buffer above is given back when empty
constexpr std::size_t unsent_hard_factor = 4;   ///< of tcp_write_bytes: then the client is cut

WorkerLimits at_least_one(WorkerLimits limits) noexcept {
    limits.tcp_in_flight = std::max<std::size_t>(limits.tcp_in_flight, 1);
    return limits;
}

void put_length(std::uint8_t* out, std::size_t bytes) noexcept {
    out[0] = static_cast<std::uint8_t>(bytes >> 8);
    out[1] = static_cast<std::uint8_t>(bytes & 0xff);
}

}  // namespace

TcpShared::TcpShared(const Admission& admission_, Resolver& resolver_, WorkerStats& stats_,
                     const WorkerLimits& limits_)
    : admission(admission_), resolver(resolver_), stats(stats_), limits(at_least_one(limits_)),
      read_buffer(std::make_unique_for_overwrite<std::uint8_t[]>(read_bytes)),
      write_buffer(std::make_unique_for_overwrite<std::uint8_t[]>(write_bytes)) {}

TcpConnection::TcpConnection(asio::io_context& context, UniqueFd fd, const TcpPeer& peer,
                             std::uint64_t id, TcpShared& shared, Transport& transport)
    : socket_(context), peer_(peer), id_(id), shared_(shared), transport_(transport) {
    socket_.assign(fd.get());
    static_cast<void>(fd.release());
}

TcpConnection::~TcpConnection() {
    for (const std::uint64_t ticket : tickets_) shared_.resolver.cancel(ticket);
    shared_.unsent_bytes -= unsent();
}

void TcpConnection::on_readable() noexcept {
    for (int i = 0; i < reads_max && wants_read(); ++i) {
        const bool more = read_some();
        if (!more) break;
    }
}

bool TcpConnection::read_some() noexcept {
    const ssize_t n = ::recv(socket_.native_handle(), shared_.read_buffer.get(),
                             TcpShared::read_bytes, MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) broken_ = true;
        return errno == EINTR;
    }
    if (n == 0) {  // may be half-closed: the client still reads what it asked for
        input_ended_ = true;
        return false;
    }
    const auto arrived = Clock::now();
    const auto bytes = static_cast<std::size_t>(n);
    framing_.feed({shared_.read_buffer.get(), bytes});
    answer_messages(arrived);
    framing_.keep();
    return bytes == TcpShared::read_bytes;
}

void TcpConnection::on_writable() noexcept {
    drop_sent(send(std::span{unsent_}.subspan(unsent_offset_)));
    answer_messages(Clock::now());
}

void TcpConnection::on_replies() noexcept {
    step_posted = false;
    on_writable();
}

void TcpConnection::reply(std::uint64_t ticket, std::span<const std::uint8_t> message) noexcept {
    std::erase(tickets_, ticket);
    std::array<std::uint8_t, length_bytes> length;
    put_length(length.data(), message.size());
    append_unsent(length);
    append_unsent(message);
}

bool TcpConnection::paused() const noexcept {
    return broken_ || tickets_.size() >= shared_.limits.tcp_in_flight ||
           unsent() > shared_.limits.tcp_write_bytes;
}

void TcpConnection::answer_messages(Clock::time_point arrived) noexcept {
    const std::size_t forwarded = tickets_.size();
    while (!paused()) {
        const auto message = framing_.next();
        if (!message) break;
        answer_one(*message, arrived);
    }
    if (answers_ == 0 && tickets_.size() == forwarded) return;
    flush();
    const auto now = Clock::now();
    touch(now);
    shared_.stats.took(now - arrived, std::exchange(answers_, 0));
}

void TcpConnection::answer_one(std::span<const std::uint8_t> message,
                               Clock::time_point arrived) noexcept {
    if (TcpShared::write_bytes - gathered_ < frame_bytes_max) flush();
    std::span<std::uint8_t> frame{shared_.write_buffer.get() + gathered_,
                                  TcpShared::write_bytes - gathered_};
    const auto out = frame.subspan(length_bytes, wire::message_bytes_max);
    const bool may_ask = peer_.here || shared_.admission.may_ask(peer_.address);
    auto verdict = may_ask ? answer(message, out)
                           : shared_.resolver.reject(message, Resolver::Rejection::prohibited, out);
    if (verdict.next == Resolver::Next::drop) {
        input_ended_ = true;  // whoever sends this is no client; what it asked before is answered
        framing_ = {};
        return;
    }
    shared_.stats.received(Proto::tcp, peer_.family(), shared_.resolver.asked_type());
    if (verdict.next == Resolver::Next::forward) {
        Client client{&transport_, Proto::tcp, id_, {}};
        client.path.peer = peer_.address;
        const auto forwarded = shared_.resolver.forward(client, arrived, out);
        if (forwarded.ticket != 0) tickets_.push_back(forwarded.ticket);
        verdict = forwarded.verdict;
        if (verdict.bytes == 0) return;
    }
    shared_.resolver.answered(peer_.address, Proto::tcp, verdict, out, arrived);
    if (!may_ask) {  // told once, then the connection is somebody else's
        input_ended_ = true;
        framing_ = {};  // not before: it held the message
    }
    put_length(frame.data(), verdict.bytes);
    gathered_ += length_bytes + verdict.bytes;
    ++answers_;
}

Resolver::Verdict TcpConnection::answer(std::span<const std::uint8_t> message,
                                        std::span<std::uint8_t> out) noexcept {
    const Origin origin = peer_.here ? Origin::here : Origin::outside;
    return shared_.resolver.answer(message, Proto::tcp, origin, out);
}

void TcpConnection::flush() noexcept {
    const std::span<const std::uint8_t> bytes{shared_.write_buffer.get(),
                                              std::exchange(gathered_, 0)};
    if (bytes.empty()) return;
    const std::size_t sent = unsent() == 0 ? send(bytes) : 0;
    append_unsent(bytes.subspan(sent));
}

std::size_t TcpConnection::send(std::span<const std::uint8_t> bytes) noexcept {
    std::size_t sent = 0;
    while (sent < bytes.size() && !broken_) {
        const ssize_t n = ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            sent += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            broken_ = true;  // the client is gone
        }
    }
    if (sent > 0) touch(Clock::now());
    return sent;
}

void TcpConnection::append_unsent(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.empty() || broken_) return;
    if (unsent() + bytes.size() >
            unsent_hard_factor * shared_.limits.tcp_write_bytes + frame_bytes_max ||
        shared_.unsent_bytes + bytes.size() > TcpShared::unsent_bytes_max) {
        shared_.stats.drop(Dropped::tcp_limit);
        broken_ = true;
        return;
    }
    unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
    shared_.unsent_bytes += bytes.size();
}

void TcpConnection::drop_sent(std::size_t bytes) noexcept {
    unsent_offset_ += bytes;
    shared_.unsent_bytes -= bytes;
    if (unsent_offset_ == unsent_.size()) {
        if (unsent_.capacity() > unsent_kept_max) std::vector<std::uint8_t>{}.swap(unsent_);
        unsent_.clear();
        unsent_offset_ = 0;
    } else if (unsent_offset_ > unsent_.size() / 2) {
        unsent_.erase(unsent_.begin(),
                      unsent_.begin() + static_cast<std::ptrdiff_t>(unsent_offset_));
        unsent_offset_ = 0;
    }
}

}  // namespace meshgate::dns::server
