#include "src/common/asio.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/guard/daemon.h"
#include "src/meshgate-redirect/verbs.h"

#include <csignal>

#include <functional>

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

}  // namespace

ExitCode guard(const Invocation& invocation) {
    auto orders = orders_of(invocation);
    if (!orders) throw UsageError("guard reads its configuration again: --config FILE, not '-'");
    if (const auto other = find_guard()) {
        log::error("another guard runs in this network namespace (socket @" + *other + ")");
        return ExitCode::failed;
    }
    asio::io_context context{1};
    GuardDaemon daemon{context, std::move(*orders)};
    GuardSignals signals{context, [&](int number) {
                             if (number == SIGHUP) return daemon.reload();
                             daemon.stopping();
                             context.stop();
                         }};
    context.run();
    return ExitCode::done;
}

}  // namespace meshgate::redirect
