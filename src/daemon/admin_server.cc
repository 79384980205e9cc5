#include "src/daemon/admin_server.h"

#include "src/common/asio.h"
#include "src/common/log.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <utility>

namespace meshgate::daemon {
namespace {

constexpr std::size_t connections_max = 64;
constexpr std::chrono::seconds connection_patience{5};
constexpr std::chrono::milliseconds accept_pause{100};

using Error = boost::system::error_code;

}  // namespace

struct AdminServer::State : std::enable_shared_from_this<AdminServer::State> {
    class Connection;
    class Listener;

    State(asio::io_context& its_context, Handler its_handler)
        : context(its_context), handler(std::move(its_handler)) {}

    asio::io_context& context;
    Handler handler;  ///< none any more: the server object is gone
    std::size_t connections = 0;
    std::vector<std::shared_ptr<Listener>> listeners;  ///< shared with their pending waits
    std::set<std::shared_ptr<Connection>> unanswered;  ///< nothing else holds them while they wait

    void connection_closed();
};

/// One request and its response. Lives as long as an operation on it is pending.
class AdminServer::State::Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(std::shared_ptr<State> server, UniqueFd fd)
        : server_(std::move(server)), stream_(server_->context, fd.release()),
          deadline_(server_->context) {
        ++server_->connections;
    }
    ~Connection() { server_->connection_closed(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void start() {
        deadline_.expires_after(connection_patience);
        deadline_.async_wait([weak = weak_from_this()](const Error& error) {
            const auto self = weak.lock();
            Error ignored;
            if (error || !self) return;
            self->server_->unanswered.erase(self);
            self->stream_.close(ignored);
        });
        read();
    }

private:
    void read() {
        stream_.async_read_some(asio::buffer(bytes_.data() + received_, bytes_.size() - received_),
                                [self = shared_from_this()](const Error& error, std::size_t n) {
                                    if (!error) self->on_read(n);
                                });
    }

    void on_read(std::size_t n) {
        received_ += n;
        const auto parsed = http::parse_request({bytes_.data(), received_});
        if (std::holds_alternative<http::Incomplete>(parsed)) return read();
        if (const auto* request = std::get_if<http::Request>(&parsed)) return answer(*request);
        const auto& bad = std::get<http::BadRequest>(parsed);
        write({bad.status, "text/plain; charset=utf-8", "bad request\n"}, http::Method::get);
    }

    void answer(http::Request request) {
        if (!server_->handler) return;
        request.is_local = is_local();
        server_->unanswered.insert(shared_from_this());
        // Held weakly: who replies may be on another thread when it lets go of this.
        const auto reply = [weak = weak_from_this(),
                            method = request.method](const http::Response& response) {
            const auto self = weak.lock();
            if (self && self->server_->unanswered.erase(self) != 0) self->write(response, method);
        };
        try {
            server_->handler(request, reply);
        } catch (const std::exception& error) {
            log::error("admin: " + request.path + ": " + error.what());
            reply({500, "text/plain; charset=utf-8", "failed\n"});
        }
    }

    bool is_local() {
        int domain = 0;
        socklen_t bytes = sizeof domain;
        ::getsockopt(stream_.native_handle(), SOL_SOCKET, SO_DOMAIN, &domain, &bytes);
        return domain == AF_UNIX;
    }

    void write(const http::Response& response, http::Method method) {
        reply_ = http::serialize(response, method);
        asio::async_write(stream_, asio::buffer(reply_),
                          [self = shared_from_this()](const Error& error, std::size_t) {
                              if (error) return;
                              // Half-close and read on: closing with unread bytes would reset the
                              // connection and take the answer away from a TCP client (RFC 9112
                              // section 9.6).
                              ::shutdown(self->stream_.native_handle(), SHUT_WR);
                              self->discard();
                          });
    }

    void discard() {
        stream_.async_read_some(
            asio::buffer(bytes_), [self = shared_from_this()](const Error& error, std::size_t) {
                if (!error) self->discard();  // the deadline ends a client that never stops
            });
    }

    std::shared_ptr<State> server_;  // its counter and handler, beyond the server object
    asio::posix::stream_descriptor stream_;
    asio::steady_timer deadline_;
    std::array<char, http::head_bytes_max> bytes_;
    std::size_t received_ = 0;
    std::string reply_;
};

/// Accepts while there is room.
class AdminServer::State::Listener : public std::enable_shared_from_this<Listener> {
public:
    Listener(State& server, UniqueFd fd)
        : server_(server), socket_(server.context, fd.release()), pause_(server.context) {}

    void wait() {
        if (std::exchange(waiting_, true)) return;
        socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const Error& error) {
                               self->waiting_ = false;
                               if (!error && !self->closed_) self->accept();
                           });
    }

    void close() {
        closed_ = true;
        pause_.cancel();
        socket_.close();
    }

private:
    void accept() {
        while (server_.connections < connections_max) {
            UniqueFd fd{
                ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
            if (!fd) return accept_failed(errno);
            std::make_shared<Connection>(server_.shared_from_this(), std::move(fd))->start();
        }
        // Full: connection_closed() goes on.
    }

    void accept_failed(int error) {
        if (error == EAGAIN || error == ECONNABORTED || error == EINTR) return wait();
        // Out of descriptors or memory. The connection stays in the backlog and would wake us at
        // once, again and again.
        log::warning(std::string{"admin: accept: "} + std::strerror(error));
        pause_.expires_after(accept_pause);
        pause_.async_wait([self = shared_from_this()](const Error& failed) {
            if (!failed && !self->closed_) self->wait();
        });
    }

    State& server_;  // outlives the listener's use of it: close() comes first
    asio::posix::stream_descriptor socket_;
    asio::steady_timer pause_;
    bool waiting_ = false;
    bool closed_ = false;
};

void AdminServer::State::connection_closed() {
    --connections;
    for (const auto& listener : listeners) listener->wait();
}

AdminServer::AdminServer(asio::io_context& context, std::vector<UniqueFd> listening,
                         Handler handler)
    : state_(std::make_shared<State>(context, std::move(handler))) {
    for (UniqueFd& fd : listening) {
        state_->listeners.push_back(std::make_shared<State::Listener>(*state_, std::move(fd)));
        state_->listeners.back()->wait();
    }
}

AdminServer::~AdminServer() {
    state_->handler = nullptr;
    for (const auto& listener : state_->listeners) listener->close();
    state_->listeners.clear();
    state_->unanswered.clear();
}

}  // namespace meshgate::daemon
