#include "src/meshgate-redirect/guard/daemon.h"

#include "src/common/asio.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/connections.h"
#include "src/meshgate-redirect/guard/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace meshgate::redirect {
namespace {

using namespace std::chrono_literals;
namespace http = daemon::http;

/// How long DNS may go unanswered before it goes direct.
constexpr auto resolver_poll = 250ms;
/// An interface comes with several changes.
constexpr auto links_settle = 500ms;
/// Its programs are run for it.
constexpr auto iptables_poll = 5s;
constexpr std::size_t endpoints_shown_max = 10'000;
constexpr const char* plain_text = "text/plain; charset=utf-8";
constexpr const char* metrics_text = "text/plain; version=0.0.4; charset=utf-8";

http::Response readiness(const std::vector<std::string>& reasons) {
    if (reasons.empty()) return {200, plain_text, "ready"};
    std::string text;
    for (const auto& reason : reasons) text += reason + "\n";
    return {503, plain_text, text};
}

/// What goes wrong is a warning: the rules are right.
void forget_dead(const std::vector<conf::IpAddress>& vips, const conf::SocketAddress& endpoint,
                 bool cut) {
    try {
        const auto flushed = forget_translated(vips, endpoint, cut);
        if (cut) log::notice("connections to " + endpoint.to_string() + ": " + to_text(flushed));
    } catch (const std::exception& error) {
        log::warning("connections to " + endpoint.to_string() + ": " + error.what());
    }
}

http::Response endpoints_of(const EndpointWatch& endpoints) {
    std::size_t more = 0;
    const auto told = endpoints.states(endpoints_shown_max, more);
    return {200, "application/json", endpoints_json(told, more)};
}

}  // namespace

struct Readable::State : std::enable_shared_from_this<State> {
    State(asio::io_context& context, int fd, std::function<void()> its_readable)
        : descriptor(context, fd), readable(std::move(its_readable)) {}

    void wait() {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (error || !self->readable) return;
                                  self->call();
                                  self->wait();
                              });
    }

    void call() const noexcept {
        try {
            readable();
        } catch (const std::exception& error) {
            log::error(error.what());  // what is not heard now is heard with the next
        }
    }

    asio::posix::stream_descriptor descriptor;
    std::function<void()> readable;
};

Readable::Readable(asio::io_context& context, int fd, std::function<void()> readable)
    : state_(std::make_shared<State>(context, fd, std::move(readable))) {
    state_->wait();
}

Readable::~Readable() {
    state_->readable = nullptr;
    static_cast<void>(state_->descriptor.release());  // it is somebody else's to close
}

GuardDaemon::GuardDaemon(asio::io_context& context, Orders orders, UniqueFd listening)
    : context_(context), notifier_(daemon::Notifier::from_environment()),
      keeper_(orders, make_setup(invocation_of(orders)).config.guard.hold ? netfilter::Held::yes
                                                                          : netfilter::Held::no),
      ruleset_events_({table_name, std::string{table_name} + "-bridge"}),
      endpoints_(
          context, [this](const auto& updates) { return keeper_.update_vips(updates); },
          forget_dead),
      repair_timer_(context),
      follow_timer_(context), resolver_timer_(context), iptables_timer_(context),
      watchdog_timer_(context),
      resolv_conf_(context, [this] { follow(); }) {
    keeper_.start();
    open_admin();
    pauses_ = std::make_unique<PauseServer>(
        context_, std::move(listening),
        PauseServer::Handlers{
            .let_go = [this](const std::string& who) { keeper_.let_go(who); },
            .take_up = [this](const PauseOutcome& outcome) { return take_up(outcome); }});
    ruleset_readable_ =
        std::make_unique<Readable>(context_, ruleset_events_.fd(), [this] { on_ruleset(); });
    routing_readable_ =
        std::make_unique<Readable>(context_, routing_events_.fd(), [this] { on_routing(); });
    watch_file();
    watch_resolver();
    watch_iptables();
    watch_endpoints();
    tell_state();
}

void GuardDaemon::open_admin() {
    const auto& guard = keeper_.config().guard;
    std::vector<UniqueFd> listening;
    for (const auto& text : guard.admin) {
        const auto address = daemon::parse_admin_address(text);
        try {
            if (const auto* path = std::get_if<std::string>(&address)) {
                if (guard.admin_is_default) {
                    std::filesystem::create_directories(std::filesystem::path{*path}.parent_path());
                }
                listening.push_back(daemon::bind_unix(*path, "the guard"));
                files_.emplace_back(*path);
            } else {
                listening.push_back(
                    daemon::listen_tcp("admin", std::get<conf::SocketAddress>(address)));
            }
        } catch (const std::exception& error) {
            if (!guard.admin_is_default) throw;
            log::warning(std::string{error.what()} + "; no admin endpoint");
        }
    }
    admin_ = std::make_unique<daemon::AdminServer>(
        context_, std::move(listening),
        [this](const http::Request& request, const http::Reply& reply) { answer(request, reply); });
}

void GuardDaemon::answer(const http::Request& request, const http::Reply& reply) {
    if (request.method != http::Method::get && request.method != http::Method::head) {
        return reply({405, plain_text, "GET or HEAD\n"});
    }
    if (request.path == "/healthz") return reply({200, plain_text, "ok"});
    if (request.path == "/readyz") return reply(readiness(keeper_.not_ready()));
    if (request.path == "/metrics") return reply({200, metrics_text, metrics()});
    if (request.path == "/api/v1/endpoints") return reply(endpoints_of(endpoints_));
    reply({404, plain_text, "not found\n"});
}

std::string GuardDaemon::metrics() {
    GuardNumbers numbers{.stats = keeper_.stats(),
                         .counters = keeper_.counters(),
                         .is_ready = keeper_.not_ready().empty(),
                         .holds = keeper_.holds(),
                         .is_fight = keeper_.is_fight(),
                         .is_dns_open = keeper_.is_dns_open(),
                         .endpoints = {},
                         .more_endpoints = 0,
                         .endpoint_changes = endpoints_.changes(),
                         .services = {},
                         .more_services = 0};
    numbers.endpoints = endpoints_.states(endpoints_told_max, numbers.more_endpoints);
    if (const auto* setup = keeper_.setup_in_force()) {
        numbers.services = connections_.count(setup->host.vips, keeper_.installations(),
                                              ServiceConnections::Clock::now());
        numbers.more_services = connections_.left_out();
    }
    return guard_metrics(numbers);
}

std::string GuardDaemon::take_up(const PauseOutcome& outcome) {
    repair_at_.reset();
    repair_timer_.cancel();
    const auto again = keeper_.take_up(outcome);
    auto trouble = again ? keeper_.trouble() + "; it is tried again" : std::string{};
    repair_in(again);
    watch_file();
    watch_resolver();
    watch_endpoints();
    tell_state();
    return trouble;
}

void GuardDaemon::follow() {
    repair_in(keeper_.follow());
    watch_resolver();
    watch_endpoints();
}

void GuardDaemon::on_ruleset() {
    const auto changes = ruleset_events_.take();
    if (const auto pause = keeper_.on_changes(changes)) repair_in(pause);
}

void GuardDaemon::on_routing() {
    const auto change = routing_events_.take();
    // resolv.conf may name a server at an interface, by its number.
    if (change.links && !std::exchange(follows_soon_, true)) {
        follow_timer_.wait_for(links_settle, [this] {
            follows_soon_ = false;
            repair_in(keeper_.follow());
            watch_endpoints();
        });
    }
    repair_in(keeper_.on_routing(change));
}

/// What is to be repaired sooner is not put off by what may wait.
void GuardDaemon::repair_in(std::optional<Keeper::Clock::duration> pause) {
    if (!pause) return;
    const auto when = Keeper::Clock::now() + *pause;
    if (repair_at_ && *repair_at_ <= when) return;
    repair_at_ = when;
    if (*pause == Keeper::Clock::duration::zero()) return repair();
    repair_timer_.wait_until(when, [this] { repair(); });
}

void GuardDaemon::repair() {
    repair_at_.reset();
    repair_timer_.cancel();
    const auto again = keeper_.repair();
    watch_endpoints();
    tell_state();
    repair_in(again);
}

/// By and by: the kernel tells of sockets that end, not of those that begin.
void GuardDaemon::watch_resolver() {
    if (!keeper_.depends_on_resolver()) return resolver_timer_.cancel();
    keeper_.look_at_resolver();
    resolver_timer_.wait_for(resolver_poll, [this] { watch_resolver(); });
}

void GuardDaemon::watch_iptables() {
    if (keeper_.has_no_news()) repair_in(keeper_.repair());
    iptables_timer_.wait_for(iptables_poll, [this] { watch_iptables(); });
}

void GuardDaemon::watch_file() {
    try {
        resolv_conf_.watch(keeper_.config().resolv_conf);
    } catch (const std::system_error& error) {
        log::warning(std::string{error.what()} + ": changes of it are not followed");
    }
}

/// After whatever may have put other rules in force.
void GuardDaemon::watch_endpoints() {
    if (const auto* setup = keeper_.setup_in_force()) {
        endpoints_.follow(*setup, keeper_.installations());
        if (std::exchange(strays_forgotten_, keeper_.installations()) != keeper_.installations()) {
            forget_strays(setup->plan.ruleset);
        }
    } else if (!keeper_.is_paused()) {
        endpoints_.stop();
    }
}

void GuardDaemon::tell_state() {
    const auto reasons = keeper_.not_ready();
    notifier_.ready(reasons.empty() ? "the capture is as it should be" : reasons.front());
    if (const auto interval = daemon::watchdog_interval()) {
        notifier_.alive();
        watchdog_timer_.wait_for(*interval, [this] { tell_state(); });
    }
}

void GuardDaemon::reload() {
    notifier_.reloading();
    follow();
    watch_file();
    tell_state();
}

void GuardDaemon::stopping() {
    notifier_.stopping();
    log::notice(keeper_.holds() ? "ends; the rules stay, and others can change them from now on"
                                : "ends; the rules stay");
}

}  // namespace meshgate::redirect
