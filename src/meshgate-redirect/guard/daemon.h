#pragma once

#include "src/common/timer.h"
#include "src/daemon/admin_listener.h"
#include "src/daemon/admin_server.h"
#include "src/daemon/file_watch.h"
#include "src/daemon/sd_notify.h"
#include "src/meshgate-redirect/guard/endpoint_watch.h"
#include "src/meshgate-redirect/guard/keeper.h"
#include "src/meshgate-redirect/guard/pause_server.h"
#include "src/meshgate-redirect/guard/service_connections.h"

#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate::redirect {

/// Calls back for what can be read from a descriptor, until it ends.
class Readable {
public:
    Readable(boost::asio::io_context& context, int fd, std::function<void()> readable);
    ~Readable();
    Readable(const Readable&) = delete;
    Readable& operator=(const Readable&) = delete;

private:
    struct State;
    std::shared_ptr<State> state_;  ///< shared with the handler that waits
};

/// The guard in its event loop: wakes the keeper, and lets others ask.
class GuardDaemon {
public:
    /// Listens for changes, then has the keeper start: nothing between is missed.
    /// @param listening  where other verbs find the guard
    /// @throws what Keeper and the sockets throw
    GuardDaemon(boost::asio::io_context& context, Orders orders, UniqueFd listening);
    GuardDaemon(const GuardDaemon&) = delete;
    GuardDaemon& operator=(const GuardDaemon&) = delete;

    void reload();    ///< the configuration may be another
    void stopping();  ///< what is in force stays

private:
    void open_admin();
    void answer(const daemon::http::Request& request, const daemon::http::Reply& reply);
    std::string take_up(const PauseOutcome& outcome);
    void follow();
    void on_ruleset();
    void on_routing();
    void repair_in(std::optional<Keeper::Clock::duration> pause);
    void repair();
    void watch_resolver();
    void watch_iptables();
    void watch_file();
    void tell_state();
    void watch_endpoints();
    [[nodiscard]] std::string metrics();

    boost::asio::io_context& context_;
    daemon::Notifier notifier_;
    Keeper keeper_;
    netfilter::RulesetEvents ruleset_events_;
    netfilter::RoutingEvents routing_events_;
    EndpointWatch endpoints_;
    ServiceConnections connections_;
    std::optional<std::uint64_t> strays_forgotten_;  ///< of that installation
    Timer repair_timer_, follow_timer_, resolver_timer_, iptables_timer_, watchdog_timer_;
    std::optional<Keeper::Clock::time_point> repair_at_;
    bool follows_soon_ = false;
    daemon::FileWatch resolv_conf_;
    std::unique_ptr<Readable> ruleset_readable_, routing_readable_;
    std::vector<daemon::SocketFile> files_;
    std::unique_ptr<daemon::AdminServer> admin_;
    std::unique_ptr<PauseServer> pauses_;
};

}  // namespace meshgate::redirect
