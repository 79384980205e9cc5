#include "src/meshgate-redirect/doctor/facts.h"

#include "netfilter/conntrack/statistics.h"
#include "netfilter/iptables/legacy_tables.h"
#include "netfilter/iptables/other_captures.h"
#include "netfilter/nftnl/route_netlink.h"
#include "netfilter/ruleset/print.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/doctor/system_settings.h"
#include "src/meshgate-redirect/drain.h"
#include "src/meshgate-redirect/firewalld.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/kuma_leftovers.h"
#include "src/meshgate-redirect/lacking.h"
#include "src/meshgate-redirect/persistence.h"
#include "src/meshgate-redirect/zone.h"
#include "src/users/users.h"

#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace meshgate::redirect {
namespace {

constexpr const char* takes_root = ": that takes root (CAP_NET_ADMIN)";

/// Runs one part of the looking; what it may not see is noted, and the rest goes on.
template <class Look>
void try_to_look(Facts& facts, const std::string& what, Look look) {
    const auto note = [&](int error, const char* message) {
        const bool denied = error == EPERM || error == EACCES;
        facts.not_looked_at.push_back(what + (denied ? takes_root : std::string{": "} + message));
    };
    try {
        look();
    } catch (const netfilter::KernelError& error) {
        note(error.error(), error.what());
    } catch (const std::system_error& error) {
        note(error.code().value(), error.what());
    } catch (const std::runtime_error& error) {
        note(0, error.what());
    }
}

/// The digest is not of their elements. @pre what is taken out is out of the plan, too
bool has_maps_of(const netfilter::Ruleset& installed, const netfilter::Ruleset& planned) {
    return installed.class_maps == planned.class_maps &&
           installed.endpoint_maps == planned.endpoint_maps;
}

void note_installed(Facts& facts, const Setup& setup, Capture& capture) {
    const auto& installed = *capture.installed();
    facts.was_changed = capture.was_changed();
    facts.is_held = installed.is_held;
    facts.draining = draining_line(installed.ruleset).value_or("");
    facts.misplacements = capture.misplacements();
    const auto wanted = digest(capture.engine().form_of(setup.plan.ruleset));
    facts.differs_from_plan = installed.ownership->digest != wanted ||
                              !has_maps_of(installed.ruleset, setup.plan.ruleset);
    facts.rules = installed.ruleset;
    for (const auto& line : capture.surroundings().differences(setup.plan.surroundings)) {
        if (line.starts_with("+ ")) facts.missing_beside.push_back(line.substr(2));
    }
}

void look_at_rules(Facts& facts, Setup& setup) {
    Capture capture{setup.config.redirect};
    fit_to_installed(setup, capture);
    facts.sees_rules = true;
    facts.engine = capture.engine().name();
    facts.has_foreign_table = capture.has_foreign_table();
    facts.is_installed = capture.installed() && !capture.is_foreign();
    if (facts.is_installed) note_installed(facts, setup, capture);
    facts.lacking = lacking_features(capture.engine());
    const auto trial = [&capture](const netfilter::Ruleset& ruleset) {
        return capture.engine().trial(ruleset);
    };
    facts.lacks_zones = facts.lacking.empty() && leave_out_zone(setup, trial);
}

void look_at_others(Facts& facts) {
    facts.chains = netfilter::base_chains();
    facts.other_meshes = netfilter::OtherCaptures{}.names();
    facts.nft_iptables_rules = netfilter::iptables_nft_has_rules();
    for (const auto family : {conf::Family::ipv4, conf::Family::ipv6}) {
        facts.legacy_iptables_rules |= netfilter::legacy_tables_have_rules(family);
    }
    facts.firewalld_rejects = firewalld_warning(facts.config.redirect).has_value();
}

void look_at_files(Facts& facts) {
    facts.kuma_leftovers = kuma_leftovers();
    try_to_look(facts, "firewalld's direct.xml",
                [&facts] { facts.direct_xml_of_others = has_others(); });
}

void look_at_conntrack(Facts& facts) {
    const auto number = [&facts](const std::string& name) -> std::uint64_t {
        const auto text = facts.setting("net/netfilter/" + name);
        return text.empty() ? 0 : std::strtoull(text.c_str(), nullptr, 10);
    };
    if (facts.setting("net/netfilter/nf_conntrack_count").empty()) return;  // it does not run
    facts.conntrack.emplace();
    facts.conntrack->entries = number("nf_conntrack_count");
    facts.conntrack->max = number("nf_conntrack_max");
    try_to_look(facts, "the failures of conntrack", [&facts] {
        const auto statistics = netfilter::conntrack_statistics();
        facts.conntrack->insert_failed = statistics.insert_failed;
        facts.conntrack->dropped = statistics.refused();
        facts.conntrack->evicted = statistics.early_drop;
    });
}

void look_at_sockets(Facts& facts) {
    facts.waiting = {netfilter::waiting_sockets(conf::Protocol::tcp),
                     netfilter::waiting_sockets(conf::Protocol::udp)};
    netfilter::OpenSockets open;
    facts.tcp = open.list(conf::Protocol::tcp);
    facts.udp = open.list(conf::Protocol::udp);
    facts.sees_sockets = true;
}

void look_at_processes(Facts& facts) {
    auto processes = read_processes();
    facts.processes = std::move(processes.list);
    if (!processes.all_sockets) {
        facts.not_looked_at.emplace_back(
            "whose sockets those of other users are: that takes root (CAP_SYS_PTRACE)");
    }
    facts.proxy_user_exists = passwd_entry(facts.host.proxy_users.front()).has_value();
}

std::string name_of_interface(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return ::if_indextoname(index, name.data()) == nullptr ? "" : name.data();
}

void look_at_routes(Facts& facts) {
    netfilter::RouteNetlink netlink;
    const auto loopback = netlink.loopback();
    facts.loopback_is_up = loopback.up;
    facts.has_ipv6 = loopback.ipv6;
    for (const auto& network : facts.config.redirect.networks) {
        for (const auto& cidr : network.cidrs) {
            if (cidr.base.family() == conf::Family::ipv6) continue;  // it has no rp_filter
            const auto route = netlink.lookup(cidr.last());
            const auto name = route ? name_of_interface(route->interface) : "";
            if (name == network.interface || network.interface.ends_with('+') ||
                network.interface.ends_with('*')) {
                continue;
            }
            facts.client_routes[network.interface].push_back(
                network.interface + ": " + cidr.to_string() + " is reached by " +
                (name.empty() ? "no route" : name));
        }
    }
}

}  // namespace

Facts gather_facts(Setup& setup) {
    Facts facts;
    facts.config = setup.config;
    facts.host = setup.host;
    facts.rules = setup.plan.ruleset;
    try_to_look(facts, "the rules", [&] { look_at_rules(facts, setup); });
    facts.guard = see_guard(facts.config.guard, facts.not_looked_at);
    facts.assumptions = setup.warnings;
    facts.assumptions.insert(facts.assumptions.end(), setup.notices.begin(), setup.notices.end());
    facts.summary = summarize(facts.rules);
    try_to_look(facts, "the rules of others", [&facts] { look_at_others(facts); });
    look_at_files(facts);
    facts.settings = read_settings();
    // Only the host's own network namespace has the switch (net/netfilter/nf_log.c).
    facts.logs_here = !facts.setting("net/netfilter/nf_log_all_netns").empty();
    look_at_conntrack(facts);
    try_to_look(facts, "the sockets of this machine", [&facts] { look_at_sockets(facts); });
    facts.addresses = interface_addresses();
    look_at_processes(facts);
    try_to_look(facts, "the routes of this machine", [&facts] { look_at_routes(facts); });
    facts.ssh = ssh_session();
    return facts;
}

}  // namespace meshgate::redirect
