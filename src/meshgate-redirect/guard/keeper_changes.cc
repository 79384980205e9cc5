#include "src/meshgate-redirect/guard/keeper.h"

#include "conf/load.h"
#include "netfilter/nftnl/sockets.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/connections.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/vips.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

/// The machine changes, and the rules follow.
namespace meshgate::redirect {

using namespace netfilter;

namespace {

bool somebody_answers(const conf::DnsCapture& dns) {
    return std::ranges::any_of(dns.protocols, [&dns](conf::Protocol protocol) {
        return std::ranges::any_of(waiting_sockets(protocol), [&dns](const WaitingSocket& one) {
            return one.port == dns.port;
        });
    });
}

}  // namespace

/// What does not go is made right by repair(): it looks first, as nobody knows how far it went.
void Keeper::change_to(Plan plan) {
    const auto before = std::exchange(*meant_, std::move(plan));
    if (meant_->ruleset == before.ruleset && meant_->surroundings == before.surroundings) return;
    if (meant_->surroundings == before.surroundings &&
        capture_->update_elements(before.ruleset, meant_->ruleset)) {
        ++stats_.element_updates;
        ++installations_;
        capture_->look();
        log::notice("the machine changed: elements of sets were updated");
        return;
    }
    put_in_force();
    ++stats_.replacements;
    log::notice("the machine changed: the rules were replaced");
}

void Keeper::follow_now() {
    try {
        if (orders_ && meant_ && !capture_->pending()) {
            settle_endpoints();
            plan_from(*orders_);
            fit_to_installed(setup_, *capture_);
            is_to_follow_ = false;
            change_to(setup_.plan);
        }
    } catch (const KernelError&) {
        throw;
    } catch (const std::system_error&) {
        throw;
    } catch (const conf::Error& error) {
        for (const auto& one : error.diagnostics()) log::error(one.to_string());
        log::error("the rules stay as they are");
    } catch (const std::exception& error) {
        log::error(std::string{error.what()} + ": the rules stay as they are");
    }
    is_to_follow_ = false;
}

std::optional<Keeper::Clock::duration> Keeper::follow() {
    is_to_follow_ = true;
    if (!capture_ || !meant_ || unsettled_) return std::nullopt;  // it comes with what is under way
    try {
        follow_now();
        return std::nullopt;
    } catch (const std::exception& error) {
        return failed("following the machine", error);
    }
}

/// What was meant, with the endpoints that are alive. Not at each change of one: the whole is read.
void Keeper::settle_endpoints() {
    if (!endpoints_differ_) return;
    capture_->look();
    if (const auto& installed = capture_->installed()) {
        static_cast<void>(keep_live(meant_->ruleset, setup_.host.vips, installed->ruleset));
    }
    endpoints_differ_ = false;
}

bool Keeper::update_vips(std::span<const VipUpdate> updates) {
    if (!capture_ || !meant_ || unsettled_) return false;
    try {
        if (!capture_->update_vips(updates)) return false;
        ++stats_.element_updates;
        endpoints_differ_ = true;
        endpoints_trouble_.clear();
        return true;
    } catch (const std::exception& error) {
        ++stats_.failures;
        endpoints_differ_ = true;  // it may have come into force all the same
        if (endpoints_trouble_ != error.what()) {
            log::error(std::string{"endpoints: "} + error.what() + "; it is tried again");
        }
        endpoints_trouble_ = error.what();
        return false;
    }
}

bool Keeper::depends_on_resolver() const {
    const auto& dns = setup_.config.redirect.dns;
    return meant_ && dns.enabled && dns.on_resolver_down == conf::OnResolverDown::open;
}

void Keeper::look_at_resolver() {
    if (!capture_ || unsettled_ || !depends_on_resolver()) return;
    try {
        if (dns_is_unsure_) {
            capture_->look();
            dns_is_open_ = capture_->installed() && capture_->installed()->dns_is_open;
            dns_is_unsure_ = false;
        }
        set_dns_open(!somebody_answers(setup_.config.redirect.dns));
        end_flows();
        dns_trouble_.clear();
    } catch (const std::exception& error) {
        ++stats_.failures;
        dns_is_unsure_ = true;  // it may have come into force all the same
        if (dns_trouble_ != error.what()) log::error(std::string{"DNS capture: "} + error.what());
        dns_trouble_ = error.what();
    }
}

/// Those that are under way were decided about by the other state.
void Keeper::end_flows() {
    if (!has_flows_to_end_) return;
    static_cast<void>(end_captured({setup_.config.redirect.dns.port}));
    has_flows_to_end_ = false;
}

void Keeper::set_dns_open(bool open) {
    if (open == dns_is_open_) return;
    if (!capture_->set_dns_open(open)) return;
    dns_is_open_ = open;
    ++stats_.dns_switches;
    const auto port = setup_.config.redirect.dns.port;
    log::warning(open ? "nobody listens on port " + std::to_string(port) +
                            ": DNS goes direct until somebody does"
                      : "somebody listens on port " + std::to_string(port) + ": DNS is captured");
    has_flows_to_end_ = open;
}

}  // namespace meshgate::redirect
