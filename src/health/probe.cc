#include "src/health/probe.h"

#include "src/common/asio.h"
#include "src/common/timer.h"
#include "src/health/http_answer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

namespace meshgate::health {
namespace {

using Error = boost::system::error_code;
using Clock = std::chrono::steady_clock;

/// A timer that is late by more was so because this thread did something else, a large reload: it has
/// not listened all that time.
constexpr std::chrono::milliseconds own_delay_max{100};

asio::ip::tcp::endpoint to_asio(const conf::SocketAddress& at, std::uint16_t port) {
    const auto bytes = at.address.bytes();
    if (at.address.family() == conf::Family::ipv4) {
        asio::ip::address_v4::bytes_type v4;
        std::copy(bytes.begin(), bytes.end(), v4.begin());
        return {asio::ip::address_v4{v4}, port};
    }
    asio::ip::address_v6::bytes_type v6;
    std::copy(bytes.begin(), bytes.end(), v6.begin());
    return {asio::ip::address_v6{v6}, port};
}

}  // namespace

struct Probe::Run : std::enable_shared_from_this<Run> {
    Run(asio::io_context& context, const Target& its_target, Done its_done)
        : target(its_target), done(std::move(its_done)), socket(context), timer(context) {}

    void start();
    void wait();
    void on_timeout();
    void on_connected();
    void send();
    void receive();
    void on_received(const Error& error, std::size_t size);
    void end(bool good, std::string reason = {});
    void end_soon(std::string reason);

    const Target& target;
    Done done;  ///< empty: it is over
    asio::ip::tcp::socket socket;
    Timer timer;
    Clock::time_point due;
    bool has_waited_again = false;
    std::string request;
    std::array<char, 4096> received;
    std::optional<HttpAnswer> answer;
};

void Probe::Run::end(bool good, std::string reason) {
    if (!done) return;
    timer.cancel();
    Error ignored;
    socket.close(ignored);
    const auto call = std::exchange(done, nullptr);
    call({good, std::move(reason)});
}

void Probe::Run::end_soon(std::string reason) {
    asio::post(socket.get_executor(), [self = shared_from_this(), why = std::move(reason)] {
        self->end(false, why);
    });
}

void Probe::Run::start() {
    const auto& check = target.check;
    const auto to = to_asio(target.endpoint, check.port.value_or(target.endpoint.port));
    Error error;
    socket.open(to.protocol(), error);
    if (error) return end_soon("no socket: " + error.message());
    const auto& mark = target.mark;
    const int fd = socket.native_handle();
    if (mark != 0 && ::setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
        error = {errno, boost::system::system_category()};
        return end_soon("its packets cannot be marked: " + error.message());
    }
    wait();
    socket.async_connect(to, [self = shared_from_this()](const Error& failed) {
        if (!self->done) return;
        if (failed) return self->end(false, "connect: " + failed.message());
        self->on_connected();
    });
}

void Probe::Run::wait() {
    due = Clock::now() + target.check.timeout;
    timer.wait_for(target.check.timeout, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->done) self->on_timeout();
    });
}

void Probe::Run::on_timeout() {
    const bool is_own_fault = Clock::now() - due > own_delay_max;
    if (is_own_fault && !std::exchange(has_waited_again, true)) return wait();
    end(false, "no answer within " + std::to_string(target.check.timeout.count()) + " ms");
}

void Probe::Run::on_connected() {
    if (target.check.kind == conf::CheckKind::tcp) return end(true);
    const auto& host = target.check.host.empty() ? target.service : target.check.host;
    request = http_request(target.check.path, host);
    answer.emplace(target.check);
    asio::async_write(socket, asio::buffer(request),
                      [self = shared_from_this()](const Error& error, std::size_t) {
                          if (!self->done) return;
                          if (error) return self->end(false, "send: " + error.message());
                          self->receive();
                      });
}

void Probe::Run::receive() {
    socket.async_read_some(asio::buffer(received),
                           [self = shared_from_this()](const Error& error, std::size_t size) {
                               if (self->done) self->on_received(error, size);
                           });
}

void Probe::Run::on_received(const Error& error, std::size_t size) {
    using Verdict = HttpAnswer::Verdict;
    const auto verdict = error ? answer->end() : answer->take({received.data(), size});
    if (verdict == Verdict::more) return receive();
    end(verdict == Verdict::good, answer->reason());
}

Probe::Probe(asio::io_context& context, const Target& target, Done done)
    : run_(std::make_shared<Run>(context, target, std::move(done))) {
    run_->start();
}

Probe::~Probe() {
    run_->done = nullptr;
    run_->timer.cancel();
    Error ignored;
    run_->socket.close(ignored);
}

}  // namespace meshgate::health
