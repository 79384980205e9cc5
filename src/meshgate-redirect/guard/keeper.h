#pragma once

#include "netfilter/nftnl/events.h"
#include "netfilter/ruleset/counters.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/guard/backoff.h"
#include "src/meshgate-redirect/guard/orders.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/setup.h"

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// What the guard has done, for its metrics and its status.
struct GuardStats {
    std::map<std::string, std::uint64_t> repairs_by;  ///< of the rules, by who damaged them
    std::uint64_t repairs_beside = 0;                 ///< of addresses and routes
    std::uint64_t failures = 0;                       ///< repairs and changes that did not go
    std::uint64_t element_updates = 0;                ///< the machine changed: elements of sets
    std::uint64_t replacements = 0;                   ///< the machine changed: all rules
    std::uint64_t dns_switches = 0;                   ///< DNS capture off or on
    std::chrono::microseconds last_repair{0};         ///< from the news of the damage on
};

/// Keeps the capture as it is meant to be. Knows nothing of how it is woken: who owns it calls it
/// for each thing that happened.
class Keeper {
public:
    using Clock = std::chrono::steady_clock;

    /// @param orders  what is to be there; @param held  nobody else may change it, where the kernel
    ///                can have it so
    /// @throws what make_setup() throws
    Keeper(Orders orders, netfilter::Held held);

    /// Takes up what is there, without touching a rule where that is what is meant and nobody holds
    /// it; else puts it in force. @throws netfilter::KernelError, std::system_error
    void start();

    /// Somebody changed nf_tables. @return when to call repair(), if it is to be called
    std::optional<Clock::duration> on_changes(std::span<const netfilter::RulesetChange> changes);
    /// Addresses, routes, links. The same.
    std::optional<Clock::duration> on_routing(const netfilter::RoutingChange& change);
    /// Makes everything what it is meant to be, and ends what did not go before.
    /// @return when to try again, if it did not go.
    std::optional<Clock::duration> repair();

    /// resolv.conf, the configuration or an interface may say something else now.
    /// @return when to call repair(), if it did not go.
    std::optional<Clock::duration> follow();
    /// Looks whether somebody answers DNS, where that decides about its capture.
    void look_at_resolver();
    [[nodiscard]] bool depends_on_resolver() const;
    /// Nobody tells of changes: the rules are in iptables, whose legacy tables have no news.
    [[nodiscard]] bool has_no_news() const;

    /// Makes ports of VIPs what the updates say, in one transaction of what differs. @return false
    /// when that cannot be now.
    bool update_vips(std::span<const netfilter::VipUpdate> updates);
    /// Counts each time that rules were put in force or taken up, so that their elements are the
    /// plan's, and each other configuration.
    [[nodiscard]] std::uint64_t installations() const noexcept { return installations_; }
    /// What is in force, as it was planned; null when that is nothing, or nobody knows how it came.
    [[nodiscard]] const Setup* setup_in_force() const noexcept {
        return capture_ && meant_ && orders_ && !unsettled_ ? &setup_ : nullptr;
    }

    void let_go(const std::string& who);
    /// Somebody else changes the rules at the moment, or ours are not taken up yet.
    [[nodiscard]] bool is_paused() const noexcept { return !paused_for_.empty() || unsettled_; }
    /// @return when to call repair(), if it did not go.
    std::optional<Clock::duration> take_up(const PauseOutcome& outcome);
    /// Why the last thing did not go; empty: it did.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

    /// Why the capture is not as meant, a line each; none: it is.
    [[nodiscard]] std::vector<std::string> not_ready() const;
    [[nodiscard]] const GuardStats& stats() const noexcept { return stats_; }
    [[nodiscard]] bool holds() const;
    [[nodiscard]] bool is_dns_open() const noexcept { return dns_is_open_; }
    [[nodiscard]] bool is_fight() const noexcept { return backoff_.is_fight(); }
    [[nodiscard]] const conf::Config& config() const noexcept { return setup_.config; }
    netfilter::Counters counters();

private:
    /// Of the rules, as far as the kernel told of it.
    struct Damage {
        std::string by;
        Clock::time_point at;
        bool is_seen = false;  ///< else events were lost, and there may be none
    };

    void plan_from(const Orders& orders);
    void take_orders(const PauseOutcome& outcome);
    void plan_from_orders();
    void settle();
    void find_out_what_is_meant(PauseOutcome::What what);
    void mean_what_is_there();
    void make_right();
    void follow_now();
    void report_repair(bool rules_were_right);
    void end_flows();
    void went_well();
    Clock::duration failed(const std::string& what, const std::exception& error);
    void put_in_force();
    void adopt_or_replace();
    void remember_damage(const netfilter::RulesetChange& change);
    void set_dns_open(bool open);
    void change_to(netfilter::Plan plan);
    void settle_endpoints();

    std::optional<Orders> orders_;           ///< none: what is there stays, and follows nothing
    /// Those of before an install that is to be confirmed; none outside: there is no such.
    std::optional<std::optional<Orders>> orders_before_;
    netfilter::Held held_;
    Setup setup_;
    std::unique_ptr<Capture> capture_;       ///< none while somebody else changes the rules
    std::optional<netfilter::Plan> meant_;   ///< none: nothing is to be there
    std::string paused_for_;
    std::optional<PauseOutcome::What> unsettled_;  ///< somebody else's turn is over, ours not begun
    bool is_to_follow_ = false;
    std::optional<Damage> damage_;           ///< none: nothing is to be repaired
    bool beside_is_damaged_ = false;
    bool dns_is_open_ = false;
    bool dns_is_unsure_ = false;             ///< a switch did not go, or nobody knows
    bool has_flows_to_end_ = false;          ///< of the other state of DNS
    std::string cause_, trouble_;            ///< why the last repair did not go; and what to do
    std::string dns_trouble_;                ///< the same of the switch
    std::string endpoints_trouble_;          ///< and of endpoints
    Backoff backoff_;
    Looks looks_;
    Retry retry_;
    GuardStats stats_;
    std::uint64_t installations_ = 0;
    bool endpoints_differ_ = false;  ///< from what is meant
};

}  // namespace meshgate::redirect
