#pragma once

#include "src/common/unique_fd.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace meshgate::daemon {

/// Tells the service manager what state this process is in: the protocol of sd_notify(3), datagrams
/// to $NOTIFY_SOCKET ("@" starts an abstract address). Without the variable every call does
/// nothing.
///
/// Connect before the user is changed: the socket's permissions are checked at connect(), so later
/// messages pass whoever we are then.
class Notifier {
public:
    /// @param address the value of $NOTIFY_SOCKET; empty: nobody listens. A socket that is not
    ///   there is logged once; it is no reason not to serve.
    explicit Notifier(std::string_view address);
    static Notifier from_environment();

    void ready(std::string_view status);  ///< READY=1; ends a reload too
    void reloading();                     ///< RELOADING=1 with MONOTONIC_USEC (Type=notify-reload)
    void stopping();                      ///< STOPPING=1
    void alive();                         ///< WATCHDOG=1
    void status(std::string_view text);   ///< STATUS=, one line

private:
    void send(const std::string& message);
    bool connect();

    std::string address_;
    UniqueFd socket_;
};

/// How often WATCHDOG=1 is due: half of $WATCHDOG_USEC if $WATCHDOG_PID is us or unset
/// (sd_watchdog_enabled(3)); none without a watchdog.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace meshgate::daemon
