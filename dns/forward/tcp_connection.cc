#include "dns/forward/tcp_connection.h"

#include "dns/wire/bytes.h"
#include "dns/wire/reply.h"

#include <algorithm>
#include <utility>

namespace meshgate::dns::forward {
namespace {

constexpr std::size_t length_bytes = 2;  // before each message: RFC 1035 section 4.2.2
constexpr std::size_t first_read_bytes = 4096;

}  // namespace

TcpConnection::TcpConnection(asio::io_context& context, ExchangeEvents& events, Random& random,
                             Server& server, OnClosed on_closed)
    : socket_(context), events_(events), random_(random), server_(server),
      on_closed_(std::move(on_closed)), in_(first_read_bytes) {}

void TcpConnection::connect(const asio::ip::tcp::endpoint& remote) {
    socket_.async_connect(remote,
                          [weak = weak_from_this()](const boost::system::error_code& error) {
                              const auto self = weak.lock();
                              if (!self || self->closed_) return;
                              if (error) return self->fail();
                              boost::system::error_code ignored;
                              self->socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
                              self->connected_ = true;
                              self->write();
                              self->read();
                          });
}

void TcpConnection::send(QueryRef query, std::span<std::uint8_t> message) {
    std::uint16_t id = random_.next16();
    const auto taken = [&id](const Pending& pending) { return pending.id == id; };
    while (std::any_of(pending_.begin(), pending_.end(), taken)) id = random_.next16();
    wire::write16(message, 0, id);
    pending_.push_back({id, query});
    unsent_.push_back(static_cast<std::uint8_t>(message.size() >> 8U));
    unsent_.push_back(static_cast<std::uint8_t>(message.size()));
    unsent_.insert(unsent_.end(), message.begin(), message.end());
    last_used_ = std::chrono::steady_clock::now();
    write();
}

void TcpConnection::write() {
    if (!connected_ || writing_ || closed_ || unsent_.empty()) return;
    sending_.clear();
    sending_.swap(unsent_);
    writing_ = true;
    asio::async_write(
        socket_, asio::buffer(sending_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
            self->writing_ = false;
            if (self->closed_) return;
            if (error) return self->fail();
            self->write();
        });
}

void TcpConnection::read() {
    // Shared: the buffer has to outlive the operation even when the connection is given up
    // meanwhile.
    socket_.async_read_some(
        asio::buffer(in_.data() + in_bytes_, in_.size() - in_bytes_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
            if (self->closed_) return;
            if (error) return self->fail();
            self->in_bytes_ += bytes;
            self->on_bytes();
            if (!self->closed_) self->read();
        });
}

void TcpConnection::on_bytes() {
    std::size_t at = 0;
    std::size_t wanted = length_bytes;
    while (!closed_ && in_bytes_ - at >= length_bytes) {
        wanted = length_bytes + wire::read16(in_, at);
        if (in_bytes_ - at < wanted) break;
        on_message(std::span{in_}.subspan(at + length_bytes, wanted - length_bytes));
        at += wanted;
        wanted = length_bytes;
    }
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(at),
              in_.begin() + static_cast<std::ptrdiff_t>(in_bytes_), in_.begin());
    in_bytes_ -= at;
    if (in_.size() < wanted) in_.resize(wanted);  // at most 65,537
}

void TcpConnection::on_message(std::span<std::uint8_t> message) {
    if (message.size() < wire::header_bytes) return events_.on_ignored_reply();
    const std::uint16_t id = wire::read16(message, 0);
    const auto found = std::find_if(pending_.begin(), pending_.end(),
                                    [id](const Pending& pending) { return pending.id == id; });
    if (found == pending_.end()) return events_.on_ignored_reply();
    const QueryRef query = found->query;
    const auto sent = events_.message_of(query);
    if (!sent.empty()) {
        wire::write16(sent, 0, id);
        if (!wire::matches(message, sent)) return events_.on_ignored_reply();
    }
    pending_.erase(found);
    answered_ = true;
    last_used_ = std::chrono::steady_clock::now();
    if (!sent.empty()) events_.on_exchange_reply(server_, query, Transport::tcp, message);
}

void TcpConnection::forget(QueryRef query) noexcept {
    // The id stays taken until the reply comes or the connection ends: a late reply must not meet
    // another query.
    for (Pending& pending : pending_) {
        if (pending.query == query) pending.query = {~0U, 0};
    }
}

void TcpConnection::close() noexcept {
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
}

void TcpConnection::fail() {
    const auto self = shared_from_this();
    close();
    std::vector<QueryRef> unanswered;
    for (const Pending& pending : pending_) unanswered.push_back(pending.query);
    pending_.clear();
    on_closed_(*this, std::move(unanswered));
}

}  // namespace meshgate::dns::forward
