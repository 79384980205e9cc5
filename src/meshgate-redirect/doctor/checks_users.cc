#include "src/meshgate-redirect/doctor/checks.h"

#include <algorithm>
#include <map>
#include <set>

namespace meshgate::redirect {
namespace {

using conf::Port;
using conf::Protocol;
using conf::Uid;
using netfilter::OpenSocket;
using netfilter::WaitingSocket;

/// What people start and what answers for the capture, by its own sockets.
class Roles {
public:
    explicit Roles(const Facts& facts) : facts_(facts) {
        note_waiting(facts.waiting.tcp, Protocol::tcp);
        note_waiting(facts.waiting.udp, Protocol::udp);
        for (const auto& process : facts.processes) by_pid_[process.pid] = &process;
        for (const auto& process : facts.processes) {
            if (serves(process)) servers_.push_back(&process);
        }
    }

    /// Those that wait where captured traffic goes.
    [[nodiscard]] const std::vector<const Process*>& servers() const noexcept { return servers_; }

    /// A server, what started it (kuma-dp of Envoy), and what one of these started as its user.
    [[nodiscard]] bool is_of_a_server(const Process& process) const {
        return std::ranges::any_of(servers_, [&](const Process* server) {
            return descends(process, *first_of_user(*server)) || descends(*server, process);
        });
    }

    [[nodiscard]] bool waits_at_a_redirect_port(std::uint32_t inode) const {
        return redirect_inodes_.contains(inode);
    }

    /// Ports at which it is the server of a connection, not the client.
    [[nodiscard]] std::set<Port> listening_ports(const Process& process) const {
        std::set<Port> ports;
        for (const auto& socket : facts_.waiting.tcp) {
            if (process.inodes.contains(socket.inode)) ports.insert(socket.port);
        }
        return ports;
    }

private:
    void note_waiting(const std::vector<WaitingSocket>& sockets, Protocol protocol) {
        const auto& summary = facts_.summary;
        for (const auto& socket : sockets) {
            const bool tcp = protocol == Protocol::tcp;
            const bool is_redirect_port = (tcp && summary.inbound == socket.port) ||
                                          (tcp && summary.outbound == socket.port) ||
                                          (summary.dns && summary.dns->port == socket.port);
            if (is_redirect_port && socket.inode != 0) redirect_inodes_.insert(socket.inode);
        }
    }
    [[nodiscard]] bool serves(const Process& process) const {
        return std::ranges::any_of(process.inodes, [this](std::uint32_t inode) {
            return redirect_inodes_.contains(inode);
        });
    }
    [[nodiscard]] const Process* parent_of(const Process& process) const {
        const auto found = by_pid_.find(process.parent);
        return found == by_pid_.end() || found->second == &process ? nullptr : found->second;
    }
    [[nodiscard]] bool descends(const Process& process, const Process& from) const {
        const Process* at = &process;
        while (at != nullptr && at != &from) at = parent_of(*at);
        return at != nullptr;
    }
    [[nodiscard]] const Process* first_of_user(const Process& process) const {
        const Process* at = &process;
        while (const Process* parent = parent_of(*at)) {
            if (parent->uid != process.uid) break;
            at = parent;
        }
        return at;
    }

    const Facts& facts_;
    std::set<std::uint32_t> redirect_inodes_;
    std::map<pid_t, const Process*> by_pid_;
    std::vector<const Process*> servers_;
};

bool is_of_proxy(const Facts& facts, Uid user) {
    const auto& users = facts.host.proxy_users;
    return facts.config.proxy.enabled && std::ranges::find(users, user) != users.end();
}

bool is_exempt(const Facts& facts, Uid user) {
    const auto contains = [user](const conf::UidRange& range) {
        return range.first <= user && user <= range.last;
    };
    return is_of_proxy(facts, user) || std::ranges::any_of(facts.host.resolver_users, contains) ||
           std::ranges::any_of(facts.host.exempt_users, contains);
}

/// Spared for their DNS, which is all that a resolver sends.
bool is_spared_resolver(const Facts& facts, Uid user) {
    return std::ranges::any_of(facts.host.local_resolvers, [user](const auto& resolver) {
        return std::ranges::find(resolver.users, user) != resolver.users.end();
    });
}

std::string words_of(const Process& process) {
    return process.program + " (process " + std::to_string(process.pid) + ", user " +
           std::to_string(process.uid) + ")";
}

/// Something that it sends with that socket is captured: it did not just accept it.
bool begins_connections(const OpenSocket& socket, Protocol protocol, const std::set<Port>& served) {
    return protocol == Protocol::udp || !served.contains(socket.lport);
}

void look_at_sockets(const Facts& facts, const Roles& roles, const Process& process,
                     std::vector<std::string>& lines) {
    const auto served = roles.listening_ports(process);
    for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
        std::set<Uid> users;
        for (const auto& socket : protocol == Protocol::tcp ? facts.tcp : facts.udp) {
            if (!socket.uid || !process.inodes.contains(socket.inode)) continue;
            if (roles.waits_at_a_redirect_port(socket.inode)) continue;  // it only answers there
            if (is_exempt(facts, *socket.uid) || is_spared_resolver(facts, *socket.uid)) continue;
            if (begins_connections(socket, protocol, served)) users.insert(*socket.uid);
        }
        for (const Uid user : users) {
            lines.push_back(words_of(process) + " has " +
                            (protocol == Protocol::tcp ? "TCP" : "UDP") + " sockets of user " +
                            std::to_string(user));
        }
    }
}

void check_servers(const Facts& facts, const Roles& roles, Findings& findings) {
    std::vector<std::string> captured, opened_before;
    for (const Process* process : roles.servers()) {
        if (!is_exempt(facts, process->uid) && !is_spared_resolver(facts, process->uid)) {
            captured.push_back(words_of(*process));
        } else {
            look_at_sockets(facts, roles, *process, opened_before);
        }
    }
    // The kernel does not tell whether a group or a mark exempts them all the same.
    const bool by_other_keys =
        !facts.host.exempt_groups.empty() || !facts.config.proxy.exempt_marks.empty();
    const auto severity = by_other_keys ? Severity::warning : Severity::error;
    if (!opened_before.empty()) {
        findings.push_back(finding("MG504", std::move(opened_before), severity));
    }
    if (!captured.empty()) findings.push_back(finding("MG505", std::move(captured), severity));
}

bool has_sockets_here(const Facts& facts, const Process& process) {
    const auto is_its = [&process](const auto& socket) {
        return process.inodes.contains(socket.inode);
    };
    return std::ranges::any_of(facts.waiting.tcp, is_its) ||
           std::ranges::any_of(facts.tcp, is_its) || std::ranges::any_of(facts.udp, is_its);
}

/// Those as the proxy's user only: who writes exempt_users means the programs of these users.
void check_applications(const Facts& facts, const Roles& roles, Findings& findings) {
    std::vector<std::string> lines;
    for (const auto& process : facts.processes) {
        if (!is_of_proxy(facts, process.uid) || roles.is_of_a_server(process)) continue;
        if (has_sockets_here(facts, process)) lines.push_back(words_of(process));
    }
    if (!lines.empty()) findings.push_back(finding("MG503", std::move(lines)));
}

}  // namespace

void check_users(const Facts& facts, Findings& findings) {
    // A number that somebody wrote needs no entry.
    const auto& proxy = facts.config.proxy;
    if (proxy.enabled && proxy.user.empty() && !facts.proxy_user_exists) {
        findings.push_back(
            finding("MG501", {"uid " + std::to_string(facts.host.proxy_users.front())}));
    }
    if (is_exempt(facts, 0)) findings.push_back(finding("MG502", {}));
    if (!facts.sees_sockets || (!facts.summary.outbound && !facts.summary.dns)) return;
    const Roles roles{facts};
    if (facts.config.proxy.enabled) check_applications(facts, roles, findings);
    check_servers(facts, roles, findings);
}

}  // namespace meshgate::redirect
