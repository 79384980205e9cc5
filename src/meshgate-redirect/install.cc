#include "netfilter/iptables/other_captures.h"
#include "netfilter/iptables/text.h"
#include "netfilter/ruleset/print.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/captured_proxy.h"
#include "src/meshgate-redirect/connections.h"
#include "src/meshgate-redirect/confirm/watcher.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/firewalld.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/kuma_leftovers.h"
#include "src/meshgate-redirect/listeners.h"
#include "src/meshgate-redirect/persistence.h"
#include "src/meshgate-redirect/probing/proof.h"
#include "src/meshgate-redirect/replace.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/ssh_session.h"
#include "src/meshgate-redirect/turn.h"
#include "src/meshgate-redirect/verbs.h"
#include "src/meshgate-redirect/vips.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

namespace meshgate::redirect {
namespace {

void report_assumptions(const Setup& setup) {
    for (const auto& warning : setup.warnings) log::warning(warning);
    for (const auto& notice : setup.notices) log::notice(notice);
}

std::string text_of(const netfilter::Ruleset& ruleset, Format format) {
    switch (format) {
    case Format::json:
        return to_nft_json(ruleset);
    case Format::iptables:
        return netfilter::to_iptables(ruleset, loopback_name());
    case Format::nft:
        break;
    }
    return to_nft(ruleset);
}

ExitCode dry_run(const Setup& setup, Format format) {
    if (format == Format::iptables) require_engine_for_vips(setup, "iptables");
    const std::string text = text_of(setup.plan.ruleset, format);
    report_assumptions(setup);
    std::cout << text;
    return ExitCode::done;
}

/// No IPv6 in the kernel, or switched off for lo or the whole network namespace.
bool ipv6_is_off(const std::vector<std::string>& beside) {
    const auto says_so = [](const std::string& line) { return line.starts_with("IPv6 is off"); };
    if (std::ranges::any_of(beside, says_so)) return true;
    std::error_code error;
    if (!std::filesystem::exists("/proc/self/net/if_inet6", error)) return true;
    std::ifstream in{"/proc/sys/net/ipv6/conf/all/disable_ipv6"};
    int disabled = 0;
    return static_cast<bool>(in >> disabled) && disabled != 0;
}

/// Things left out that somebody should know of; the others are what --verbose is for.
bool is_worth_a_warning(const std::string& line) {
    return line.starts_with("lo is down") || line.ends_with("refuses it");
}

void report(const Setup& setup, Capture& capture, const std::vector<std::string>& beside) {
    report_assumptions(setup);
    for (const auto& line : beside) {
        log::write(is_worth_a_warning(line) ? log::Level::warning : log::Level::info, line);
    }
    if (setup.config.redirect.ip_family != conf::IpFamilyMode::ipv4 && ipv6_is_off(beside)) {
        log::notice("IPv6 is off on this machine: its rules are loaded for when it comes back");
    }
    for (const auto& line : missing_listeners(setup.config.redirect)) log::warning(line);
    if (const auto line = captured_proxy(setup.config, setup.host)) log::warning(*line);
    if (const auto rejected = firewalld_warning(setup.config.redirect)) log::warning(*rejected);
    log::info("installed through " + std::string{capture.engine().name()});
}

ExitCode refuse(const netfilter::OtherCaptures& others) {
    const auto removals = others.removals();
    log::error("there are rules of " + others.names() +
               ": two captures would redirect each other's connections; --replace puts ours in "
               "their place without a moment uncaptured" +
               (removals.empty() ? "" : ", or take them away first (" + removals + ")"));
    return ExitCode::failed;
}

/// Ours come into force, before theirs on the way of a packet, and then theirs go: nothing is
/// uncaptured meanwhile.
std::vector<std::string> take_over(netfilter::OtherCaptures& others, Capture& capture,
                                   Setup& setup) {
    const auto names = others.names();
    std::vector<std::string> beside;
    try {
        others.remove_zones();
        beside = replace(capture, setup);
    } catch (const std::exception&) {
        others.put_zones_back();
        throw;
    }
    others.remove();
    if (setup.plan.surroundings.inbound_passthrough_address6) {
        capture.surroundings().adopt_address();
    }
    if (forget_others()) log::notice("taken out of firewalld's direct.xml: theirs");
    log::notice("taken away: the rules of " + names);
    for (const auto& line : kuma_leftovers()) log::notice(line);
    return beside;
}

/// Another install waits for its confirmation: who began that has a minute to look at it, and is
/// not to find something else. What nobody watches any more is no reason to wait.
bool is_for_another(Capture& capture) {
    if (const auto watcher = find_watcher()) {
        log::error("an install waits to be confirmed, " +
                   std::to_string(watcher->pending.left().count()) +
                   " s more: meshgate-redirect confirm keeps it, confirm --undo takes it back");
        return true;
    }
    if (has_busy_watcher()) {
        log::error("what was there before an install that nobody confirmed comes back just now: "
                   "try again in a moment");
        return true;
    }
    capture.forget_record();
    return false;
}

std::vector<std::string> replace_for_now(std::chrono::seconds time, Capture& capture,
                                         Setup& setup) {
    Arming arming{setup.config.redirect, time, setup.spared_port};
    std::vector<std::string> beside;
    try {
        beside = replace(capture, setup, arming.pending());
    } catch (const std::exception&) {
        if (!arming.call_off()) {
            log::error("the previous state is not back: meshgate-redirect status says what is "
                       "there, confirm --undo tries it again");
        }
        throw;
    }
    arming.changed();
    return beside;
}

/// Who came in from outside stays able to, until he has said that all is well.
void spare_session(Setup& setup) {
    const auto planned = setup.plan.ruleset;
    const auto session = ssh_session();
    if (!session) return;
    setup.spared_port = session->port;
    plan_anew(setup);
    if (setup.plan.ruleset == planned) setup.spared_port.reset();
}

void report_pending(std::chrono::seconds time, const Setup& setup) {
    if (setup.spared_port) {
        log::notice("port " + std::to_string(*setup.spared_port) +
                    ", by which this session came in, is not captured until then");
    }
    log::notice("to keep it: meshgate-redirect confirm, within " + std::to_string(time.count()) +
                " s; otherwise the previous state comes back");
}

/// What neither a confirmation nor a probe can bring back.
void require_can_come_back(const Invocation& invocation, const netfilter::OtherCaptures& others,
                           const Setup& setup) {
    if (!invocation.confirm && !invocation.send_probes) return;
    if (invocation.confirm && setup.store_firewalld) {
        throw UsageError("--confirm does not go with --store-firewalld: confirm first");
    }
    if (!others.empty()) {
        throw UsageError(std::string{invocation.confirm ? "--confirm" : "--probe"} +
                         " cannot bring back the rules of " + others.names() +
                         ": --replace them without it");
    }
}

/// By ourselves: who waits for a confirmation would wait for the guard, which has let go for us. He
/// is told when it is done, and does it at his time if it did not go.
void take_back(const Invocation& invocation, Capture& capture, const Before& before) {
    const Turn turn;
    capture.put_back(before);
    if (!invocation.confirm) return;
    capture.forget_record();
    Dismissal{}.wait();
}

/// --probe: when a packet goes another way than planned, or none can be sent, the previous state is
/// back before anybody else's packets have gone there for long.
bool is_proven(const Invocation& invocation, const Setup& setup, Capture& capture,
               const Before& before) {
    try {
        if (stands_the_probes(setup)) return true;
    } catch (const std::exception&) {
        take_back(invocation, capture, before);
        throw;
    }
    take_back(invocation, capture, before);
    log::error("taken back: what was there before is in force again");
    return false;
}

/// @param capture  still knows what was installed before
void flush(const Invocation& invocation, const Setup& setup, const Capture& capture) {
    if (!invocation.flush_connections) return;
    std::optional<netfilter::Ruleset> before;
    if (const auto& installed = capture.installed()) before = installed->ruleset;
    flush_after_install(setup.plan.ruleset, before);
}

}  // namespace

ExitCode install(const Invocation& invocation) {
    Setup setup = make_setup(invocation);
    if (setup.dry_run) return dry_run(setup, invocation.format);
    Capture capture{setup.config.redirect};
    if (setup.store_firewalld) require_can_persist(setup, capture);
    if (capture.has_foreign_table()) {
        log::error("there is a table inet meshgate that meshgate-redirect did not make: it is not "
                   "replaced (nft delete table inet meshgate, if nobody needs it)");
        return ExitCode::failed;
    }
    netfilter::OtherCaptures others;
    if (!others.empty() && !invocation.replace) return refuse(others);
    require_can_come_back(invocation, others, setup);
    if (is_for_another(capture)) return ExitCode::failed;
    keep_vips(setup);
    // Who would put an endpoint in that is new, or alive again?
    fit_to_installed(setup, capture, find_guard() ? Endpoints::alive : Endpoints::all);
    if (capture.is(setup.plan) && others.empty()) {
        log::info("already installed");
        if (invocation.send_probes && !stands_the_probes(setup)) return ExitCode::failed;
        flush(invocation, setup, capture);
        if (setup.store_firewalld) persist(setup, capture);
        return ExitCode::done;
    }
    capture.prefer_nftables();
    if (capture.lacks_nftables() && setup.config.redirect.engine == conf::Engine::automatic) {
        setup.notices.push_back(std::string{no_nf_tables} +
                                ": the rules are installed through iptables");
    }
    if (invocation.confirm) spare_session(setup);
    GuardPause pause{"install"};
    const auto before = invocation.send_probes ? std::optional{capture.keep()} : std::nullopt;
    const auto beside = invocation.confirm ? replace_for_now(*invocation.confirm, capture, setup)
                        : others.empty()   ? replace(capture, setup)
                                           : take_over(others, capture, setup);
    if (before && !is_proven(invocation, setup, capture, *before)) return ExitCode::failed;
    report(setup, capture, beside);
    if (invocation.confirm) report_pending(*invocation.confirm, setup);
    pause.end({.what = invocation.confirm ? PauseOutcome::What::to_confirm
                                          : PauseOutcome::What::installed,
               .orders = orders_of(invocation)});
    forget_strays(setup.plan.ruleset);
    flush(invocation, setup, capture);
    if (setup.store_firewalld) persist(setup, capture);
    return ExitCode::done;
}

}  // namespace meshgate::redirect
