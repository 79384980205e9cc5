#include "dns/forward/tcp_connection.h"

#include "dns/wire/bytes.h"
#include "src/common/unique_fd.h"

#include <utility>

namespace meshgate::dns::forward {

TcpConnection::TcpConnection(asio::io_context& context, ExchangeEvents& events, Random& random,
                             Server& server, OnClosed on_closed)
    : socket_(context), events_(events), random_(random), server_(server),
      on_closed_(std::move(on_closed)) {}

bool TcpConnection::connect(const asio::ip::tcp::endpoint& remote) {
    // Not by Asio, which leaves out SOCK_CLOEXEC.
    UniqueFd fd{::socket(remote.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)};
    if (!fd) return false;
    boost::system::error_code failed;
    socket_.assign(remote.protocol(), fd.get(), failed);
    if (failed) return false;
    static_cast<void>(fd.release());
    socket_.set_option(asio::ip::tcp::no_delay{true}, failed);
    socket_.async_connect(remote,
                          [weak = weak_from_this()](const boost::system::error_code& error) {
                              const auto self = weak.lock();
                              if (!self || self->closed_) return;
                              if (error) return self->fail();
                              self->connected_ = true;
                              self->write();
                              self->read();
                          });
    return true;
}

void TcpConnection::send(QueryRef query, std::span<std::uint8_t> message) {
    const std::uint16_t id = pending_.unused_id(random_);
    wire::write16(message, 0, id);
    last_used_ = std::chrono::steady_clock::now();
    if (pending_.empty()) waiting_since_ = last_used_;
    pending_.add({id, query});
    unsent_.push_back(static_cast<std::uint8_t>(message.size() >> 8U));
    unsent_.push_back(static_cast<std::uint8_t>(message.size()));
    unsent_.insert(unsent_.end(), message.begin(), message.end());
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
    const auto space = in_.space();
    // Shared: the buffer has to outlive the operation even when the connection is given up
    // meanwhile.
    socket_.async_read_some(
        asio::buffer(space.data(), space.size()),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
            if (self->closed_) return;
            if (error) return self->fail();
            self->in_.received(bytes);
            while (const auto message = self->in_.next()) {
                self->on_message(*message);
                if (self->closed_) return;
            }
            self->read();
        });
}

void TcpConnection::on_message(std::span<std::uint8_t> message) {
    // Nobody else can write on the connection: no need for the letters.
    const auto entry = pending_.take(message, events_, wire::Letters::any_case);
    if (!entry) return events_.on_ignored_reply();
    answered_ = true;
    last_used_ = waiting_since_ = std::chrono::steady_clock::now();
    if (entry->query == no_query) return;
    events_.on_exchange_reply(server_, entry->query, Transport::tcp, message);
}

void TcpConnection::forget(QueryRef query) noexcept {
    // The id stays in use until the reply comes or the connection ends: a late reply must not meet
    // another query.
    pending_.detach(query);
}

void TcpConnection::close() noexcept {
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
}

void TcpConnection::fail() {
    const auto self = shared_from_this();
    close();
    on_closed_(*this, std::exchange(pending_, {}));
}

}  // namespace meshgate::dns::forward
