#include "src/meshgate-redirect/guard/pause_server.h"

#include "src/common/asio.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <utility>
#include <vector>

namespace meshgate::redirect {
namespace {

using Error = boost::system::error_code;
constexpr std::size_t connections_max = 16;
constexpr std::size_t message_bytes_max = std::size_t{64} << 10;

}  // namespace

struct PauseServer::State : std::enable_shared_from_this<PauseServer::State> {
    class Connection;

    State(asio::io_context& its_context, UniqueFd listening, Handlers its_handlers)
        : context(its_context), listener(its_context, listening.release()),
          handlers(std::move(its_handlers)) {}

    void accept();
    void take(UniqueFd fd) noexcept;
    void ask_for_turn(const std::shared_ptr<Connection>& connection);
    void next_turn();
    void gone(const Connection* connection);

    asio::io_context& context;
    asio::posix::stream_descriptor listener;
    Handlers handlers;
    std::size_t connections = 0;
    std::shared_ptr<Connection> active;  ///< shared with its pending read
    std::deque<std::weak_ptr<Connection>> waiting;
};

/// "let go VERB (process N)", then lines of an outcome, then "over".
class PauseServer::State::Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(std::shared_ptr<State> server, UniqueFd fd)
        : server_(std::move(server)), stream_(server_->context, fd.release()) {
        ++server_->connections;
    }
    ~Connection() { --server_->connections; }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void read() {
        stream_.async_read_some(asio::buffer(piece_),
                                [self = shared_from_this()](const Error& error, std::size_t n) {
                                    if (error || !self->take(n)) self->server_->gone(self.get());
                                });
    }

    [[nodiscard]] const std::string& who() const noexcept { return who_; }
    [[nodiscard]] PauseOutcome outcome() const { return parse_outcome(lines_); }
    void say(std::string_view line) { write_line(stream_.native_handle(), line); }
    void close() {
        Error ignored;
        stream_.close(ignored);
    }

private:
    /// @return false when it is over, or nonsense.
    bool take(std::size_t bytes) {
        text_.append(piece_.data(), bytes);
        if (text_.size() > message_bytes_max) return false;
        for (auto end = text_.find('\n'); end != text_.npos; end = text_.find('\n')) {
            if (!take_line(text_.substr(0, end))) return false;
            text_.erase(0, end + 1);
        }
        read();
        return true;
    }

    bool take_line(std::string line) {
        if (who_.empty()) {
            if (!line.starts_with(words::let_go)) return false;
            who_ = line.substr(words::let_go.size());
            server_->ask_for_turn(shared_from_this());
            return !who_.empty();
        }
        if (line == words::over) {
            is_over_ = true;
            return false;
        }
        lines_.push_back(std::move(line));
        return true;
    }

public:
    [[nodiscard]] bool is_over() const noexcept { return is_over_; }

private:
    std::shared_ptr<State> server_;
    asio::posix::stream_descriptor stream_;
    std::array<char, 4096> piece_{};
    std::string text_, who_;
    std::vector<std::string> lines_;
    bool is_over_ = false;
};

void PauseServer::State::accept() {
    listener.async_wait(
        asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const Error& error) {
            if (error || !self->listener.is_open()) return;
            UniqueFd fd{::accept4(self->listener.native_handle(), nullptr, nullptr,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK)};
            if (fd && peer_is_trusted(fd.get()) && self->connections < connections_max) {
                self->take(std::move(fd));
            }
            self->accept();
        });
}

void PauseServer::State::take(UniqueFd fd) noexcept {
    try {
        std::make_shared<Connection>(shared_from_this(), std::move(fd))->read();
    } catch (const std::exception& error) {
        log::error(std::string{"a connection of another verb: "} + error.what());
    }
}

void PauseServer::State::ask_for_turn(const std::shared_ptr<Connection>& connection) {
    waiting.push_back(connection);
    if (!active) next_turn();
}

void PauseServer::State::next_turn() {
    while (!active && !waiting.empty()) {
        active = waiting.front().lock();
        waiting.pop_front();
    }
    if (!active || !handlers.let_go) return;
    handlers.let_go(active->who());
    active->say(words::go);
}

void PauseServer::State::gone(const Connection* connection) {
    if (active.get() != connection) return;
    const auto ended = std::exchange(active, nullptr);
    if (!handlers.take_up) return;
    const auto trouble = handlers.take_up(ended->is_over() ? ended->outcome() : PauseOutcome{});
    ended->say(trouble.empty() ? words::held : std::string_view{trouble});
    ended->close();
    next_turn();
}

PauseServer::PauseServer(asio::io_context& context, UniqueFd listening, Handlers handlers)
    : state_(std::make_shared<State>(context, std::move(listening), std::move(handlers))) {
    state_->accept();
}

PauseServer::~PauseServer() {
    state_->handlers = {};
    Error ignored;
    state_->listener.close(ignored);
    if (state_->active) state_->active->close();
    state_->active.reset();
}

}  // namespace meshgate::redirect
