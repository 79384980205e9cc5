#include "src/common/asio.h"
#include "src/common/errors.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/guard/backoff.h"
#include "src/meshgate-redirect/guard/daemon.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/turn.h"
#include "src/meshgate-redirect/verbs.h"

#include <unistd.h>

#include <csignal>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>

namespace meshgate::redirect {
namespace {

/// SIGHUP reads the configuration anew; SIGTERM and SIGINT end the guard, and leave what is there.
class GuardSignals {
public:
    GuardSignals(asio::io_context& context, std::function<void(int)> received)
        : signals_(context, SIGTERM, SIGINT, SIGHUP), received_(std::move(received)) {
        wait();
    }

private:
    void wait() {
        signals_.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) return;
            received_(number);
            wait();
        });
    }

    asio::signal_set signals_;
    std::function<void(int)> received_;
};

std::string another_guard(const std::string& socket) {
    const int process = process_of_guard(socket);
    const auto number = std::to_string(process);
    return "another guard runs in this network namespace and keeps its rules: " +
           (process == 0 ? "in another container" : "process " + number) +
           ". To give it this configuration: meshgate-redirect install --config FILE. To run this "
           "one: end that one first (systemctl stop meshgate-guard" +
           (process == 0 ? ")" : ", or kill " + number + ")");
}

constexpr int start_attempts = 6;

/// There is one guard in a network namespace. Two that start at once take turns.
UniqueFd take_the_place() {
    const Turn turn;
    if (const auto other = find_guard()) throw Unsupported(another_guard(*other));
    return listen_abstract(std::string{guard_socket_start} + std::to_string(::getpid()));
}

/// What passes by itself is no reason to end: whoever started this machine's guard relies on it.
std::unique_ptr<GuardDaemon> start(asio::io_context& context, const Orders& orders) {
    Retry retry;
    for (int attempt = 1;; ++attempt) {
        try {
            return std::make_unique<GuardDaemon>(context, orders, take_the_place());
        } catch (const netfilter::KernelError& error) {
            if (!is_passing(error.error()) || attempt == start_attempts) throw;
            log::warning(std::string{error.what()} + "; it is tried again");
        } catch (const std::system_error& error) {
            if (!is_passing(error.code().value()) || attempt == start_attempts) throw;
            log::warning(std::string{error.what()} + "; it is tried again");
        }
        std::this_thread::sleep_for(retry.next());
    }
}

}  // namespace

ExitCode guard(const Invocation& invocation) {
    const auto orders = orders_of(invocation);
    if (!orders) throw UsageError("guard reads its configuration again: --config FILE, not '-'");
    asio::io_context context{1};
    const auto daemon = start(context, *orders);
    GuardSignals signals{context, [&](int number) {
                             if (number == SIGHUP) return daemon->reload();
                             daemon->stopping();
                             context.stop();
                         }};
    context.run();
    return ExitCode::done;
}

}  // namespace meshgate::redirect
