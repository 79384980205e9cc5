#include "src/meshgate-redirect/doctor/checks.h"

#include "netfilter/ruleset/evaluate.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace meshgate::redirect {
namespace {

using conf::Family;
using conf::Port;

constexpr std::string_view conf4 = "net/ipv4/conf/";

bool has_family(const Facts& facts, Family family) {
    const auto& families = facts.summary.families;
    return std::ranges::find(families, family) != families.end();
}

/// The interfaces that a setting such as route_localnet is on for; "all" is all of them.
std::vector<std::string> interfaces_with(const Facts& facts, const std::string& setting) {
    std::vector<std::string> names;
    for (const auto& [name, value] : facts.settings) {
        if (!name.starts_with(conf4) || !name.ends_with("/" + setting) || value == "0") continue;
        auto interface = name.substr(conf4.size());
        interface.resize(interface.find('/'));
        if (interface != "lo" && interface != "default") names.push_back(std::move(interface));
    }
    return names;
}

void check_networks(const Facts& facts, Findings& findings) {
    if (facts.config.redirect.networks.empty()) return;
    std::vector<std::string> off;
    if (has_family(facts, Family::ipv4) && facts.setting("net/ipv4/ip_forward") == "0") {
        off.emplace_back("net.ipv4.ip_forward is 0");
    }
    if (has_family(facts, Family::ipv6) && facts.has_ipv6 &&
        facts.setting("net/ipv6/conf/all/forwarding") == "0") {
        off.emplace_back("net.ipv6.conf.all.forwarding is 0");
    }
    if (!off.empty()) findings.push_back(finding("MG604", std::move(off)));
    std::vector<std::string> dropped;
    for (const auto& [interface, routes] : facts.client_routes) {
        const auto of = [&](const std::string& name) {
            return facts.setting(std::string{conf4} + name + "/rp_filter");
        };
        // The larger of the two counts (net/ipv4/fib_frontend.c); 1 is strict, 2 is loose.
        const auto value = std::max(of("all"), of(interface));
        if (value != "1") continue;
        for (const auto& route : routes) dropped.push_back(route + ", rp_filter is 1");
    }
    if (!dropped.empty()) findings.push_back(finding("MG603", std::move(dropped)));
}

/// Where somebody waits for SSH: its server by name, port 22 whoever has it (systemd, for a start
/// on demand), and where the session of whoever asks is.
std::map<Port, std::string> ssh_ports(const Facts& facts) {
    constexpr Port standard = 22;
    std::map<Port, std::string> ports;
    for (const auto& socket : facts.waiting.tcp) {
        if (socket.address.is_loopback()) continue;
        if (socket.port == standard) ports.emplace(standard, "somebody listens there");
        for (const auto& process : facts.processes) {
            const auto& name = process.program;
            if (!process.inodes.contains(socket.inode)) continue;
            if (name == "sshd" || name == "dropbear" || name == "tinysshd") {
                ports.insert_or_assign(socket.port, name + " listens there");
            }
        }
    }
    if (facts.ssh) ports.insert_or_assign(facts.ssh->port, "you are logged in over it");
    return ports;
}

bool is_captured(const Facts& facts, Port port, Family family) {
    netfilter::Packet packet;
    packet.hook = netfilter::Hook::prerouting;
    packet.dport = port;
    packet.to_this_host = true;
    packet.destination = *conf::IpAddress::parse(family == Family::ipv4 ? "0.0.0.0" : "::");
    packet.source = packet.destination;
    if (facts.ssh && facts.ssh->client.family() == family) {
        packet.destination = facts.ssh->server;
        packet.source = facts.ssh->client;
    }
    return evaluate(facts.rules, packet).redirected_to.has_value();
}

}  // namespace

void check_settings(const Facts& facts, Findings& findings) {
    if (has_family(facts, Family::ipv6) && !facts.has_ipv6) {
        findings.push_back(finding("MG601", {}));
    }
    if (!facts.loopback_is_up) findings.push_back(finding("MG606", {}));
    auto open = interfaces_with(facts, "route_localnet");
    if (!open.empty()) findings.push_back(finding("MG602", std::move(open)));
    check_networks(facts, findings);
    if (!facts.config.redirect.log_prefix.empty() && !facts.logs_here) {
        findings.push_back(finding("MG605", {}));
    }
}

void check_lock_out(const Facts& facts, Findings& findings) {
    if (!facts.summary.inbound) return;
    const bool is_answered =
        std::ranges::any_of(facts.waiting.tcp, [&](const netfilter::WaitingSocket& socket) {
            return socket.port == facts.summary.inbound;
        });
    std::vector<std::string> lines;
    for (const auto& [port, why] : ssh_ports(facts)) {
        const bool captured = std::ranges::any_of(
            facts.summary.families, [&](Family family) { return is_captured(facts, port, family); });
        if (captured) lines.push_back("TCP port " + std::to_string(port) + ": " + why);
    }
    if (lines.empty()) return;
    findings.push_back(finding("MG701", std::move(lines),
                               is_answered || !facts.is_installed ? Severity::warning : Severity::error));
}

}  // namespace meshgate::redirect
