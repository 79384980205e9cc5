#pragma once

#include "conf/config.h"
#include "netfilter/nftnl/base_chains.h"
#include "netfilter/nftnl/sockets.h"
#include "netfilter/plan/plan.h"
#include "netfilter/plan/summary.h"
#include "src/meshgate-redirect/doctor/guard_view.h"
#include "src/meshgate-redirect/doctor/processes.h"
#include "src/meshgate-redirect/interfaces.h"
#include "src/meshgate-redirect/network_listeners.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/ssh_session.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// How full conntrack is, and what it could not do since the network namespace was made.
struct ConntrackUse {
    std::uint64_t entries = 0, max = 0;  ///< max of 0: not known
    std::uint64_t insert_failed = 0, dropped = 0, evicted = 0;
};

/// Everything that doctor judges by, gathered once: what is here is a question of the machine, what
/// it means one of the checks, which see nothing else.
struct Facts {
    conf::Config config;
    netfilter::Host host;
    std::vector<std::string> assumptions;  ///< of the plan
    std::vector<std::string> not_looked_at;  ///< what could not be found out, and why

    // our rules
    bool sees_rules = false;
    std::string engine = "nftables";
    bool is_installed = false;
    bool has_foreign_table = false;
    bool was_changed = false;
    bool is_held = false;  ///< nobody but who made the table can change it
    bool differs_from_plan = false;
    std::string draining;
    std::vector<std::string> misplacements;
    std::vector<std::string> missing_beside;  ///< addresses and routes
    std::vector<std::string> lacking;         ///< of the kernel, with the consequence
    bool lacks_zones = false;
    netfilter::Ruleset rules;  ///< those in force, else those of the plan
    netfilter::Summary summary;

    GuardView guard;

    // those of others
    std::vector<netfilter::SeenChain> chains;
    std::string other_meshes;  ///< and where they are
    bool direct_xml_of_others = false;
    std::vector<std::string> kuma_leftovers;
    bool firewalld_rejects = false;
    bool nft_iptables_rules = false;
    bool legacy_iptables_rules = false;

    std::optional<ConntrackUse> conntrack;

    // sockets and processes
    bool sees_sockets = false;
    Waiting waiting;
    std::vector<netfilter::OpenSocket> tcp, udp;
    std::vector<InterfaceAddress> addresses;
    std::vector<Process> processes;
    bool proxy_user_exists = true;

    // the kernel
    bool loopback_is_up = true;
    bool has_ipv6 = true;                         ///< of the loopback device
    std::map<std::string, std::string> settings;  ///< below /proc/sys: "net/ipv4/ip_forward" is "1"
    bool logs_here = true;                        ///< this is the host's own network namespace
    std::map<std::string, std::vector<std::string>> client_routes;  ///< "eth0" and where the clients
                                                                    ///< of it are reached instead

    std::optional<SshSession> ssh;

    [[nodiscard]] std::string setting(const std::string& name) const {  ///< "" when not there
        const auto found = settings.find(name);
        return found == settings.end() ? "" : found->second;
    }
};

/// Looks at this machine. Without privilege as far as it can.
/// @throws netfilter::KernelError, std::system_error  for what is no question of privilege
Facts gather_facts(Setup& setup);

}  // namespace meshgate::redirect
