#include "src/meshgate-redirect/ssh_session.h"

#include "netfilter/nftnl/sockets.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t ancestors_max = 64;  // a tree that changes while it is read may seem a ring
constexpr std::string_view variable = "SSH_CONNECTION=";

fs::path folder_of(pid_t process) {
    return "/proc/" + std::to_string(process);
}

/// The parent of a process: the second word after the name in /proc/PID/stat, which may contain
/// anything, blanks and brackets too (proc(5)).
pid_t parent_of(pid_t process) {
    std::ifstream in{folder_of(process) / "stat"};
    std::string text;
    std::getline(in, text, '\0');
    const auto name_end = text.rfind(')');
    if (name_end == text.npos || name_end + 4 > text.size()) return 0;
    return static_cast<pid_t>(std::strtol(text.c_str() + name_end + 4, nullptr, 10));
}

/// This process and those above it.
std::vector<pid_t> lineage() {
    std::vector<pid_t> processes;
    for (pid_t one = ::getpid(); one > 0 && processes.size() < ancestors_max; one = parent_of(one)) {
        processes.push_back(one);
    }
    return processes;
}

using Connections = std::map<std::string, SshSession>;  ///< by what a descriptor's link says

/// TCP connections that came in: at a port that somebody listens at.
Connections accepted_connections() {
    std::set<conf::Port> listening;
    for (const auto& one : netfilter::waiting_sockets(conf::Protocol::tcp)) {
        listening.insert(one.port);
    }
    Connections connections;
    for (const auto& one : netfilter::OpenSockets{}.list(conf::Protocol::tcp)) {
        if (one.inode == 0 || !listening.contains(one.lport)) continue;
        connections.emplace("socket:[" + std::to_string(one.inode) + "]",
                            SshSession{one.remote, one.local, one.lport});
    }
    return connections;
}

std::optional<SshSession> held_by(pid_t process, const Connections& connections) {
    std::error_code error;
    for (fs::directory_iterator entry{folder_of(process) / "fd", error}, end;
         !error && entry != end; entry.increment(error)) {
        std::error_code unreadable;
        const auto found = connections.find(fs::read_symlink(*entry, unreadable).native());
        if (!unreadable && found != connections.end()) return found->second;
    }
    return std::nullopt;
}

std::optional<SshSession> held_by_any(const std::vector<pid_t>& processes) try {
    const auto connections = accepted_connections();
    if (connections.empty()) return std::nullopt;
    for (const pid_t process : processes) {
        if (const auto found = held_by(process, connections)) return found;
    }
    return std::nullopt;
} catch (const std::system_error&) {
    return std::nullopt;  // no sock_diag
}

std::optional<SshSession> said_by(pid_t process) {
    std::ifstream in{folder_of(process) / "environ"};
    for (std::string each; std::getline(in, each, '\0');) {
        if (each.starts_with(variable)) return parse_ssh_connection(each.substr(variable.size()));
    }
    return std::nullopt;
}

}  // namespace

std::optional<SshSession> parse_ssh_connection(std::string_view text) {
    if (std::ranges::count(text, ' ') != 3) return std::nullopt;
    std::istringstream in{std::string{text}};
    std::string client, server;
    unsigned client_port = 0, port = 0;
    if (!(in >> client >> client_port >> server >> port) || port == 0 || port > 65535) {
        return std::nullopt;
    }
    // "fe80::1%eth0"
    for (auto* address : {&client, &server}) {
        address->resize(std::min(address->find('%'), address->size()));
    }
    const auto from = conf::IpAddress::parse(client), to = conf::IpAddress::parse(server);
    if (!from || !to) return std::nullopt;
    return SshSession{from->unmapped().value_or(*from), to->unmapped().value_or(*to),
                      static_cast<conf::Port>(port)};
}

std::optional<SshSession> ssh_session() {
    const auto processes = lineage();
    if (const auto held = held_by_any(processes)) return held;
    if (const char* const own = std::getenv("SSH_CONNECTION")) return parse_ssh_connection(own);
    for (const pid_t process : processes) {
        if (const auto said = said_by(process)) return said;
    }
    return std::nullopt;
}

}  // namespace meshgate::redirect
