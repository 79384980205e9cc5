#include "src/meshgate-redirect/confirm/session_port.h"

#include "netfilter/nftnl/sockets.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <system_error>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

constexpr int ancestors_max = 64;  // a tree that changes while it is read may seem to be a ring

/// The parent of a process: the second word after the name in /proc/PID/stat, which may contain
/// anything, blanks and brackets too (proc(5)).
pid_t parent_of(pid_t process) {
    std::ifstream in{"/proc/" + std::to_string(process) + "/stat"};
    std::string text;
    std::getline(in, text, '\0');
    const auto name_end = text.rfind(')');
    if (name_end == text.npos || name_end + 4 > text.size()) return 0;
    return static_cast<pid_t>(std::strtol(text.c_str() + name_end + 4, nullptr, 10));
}

using Ports = std::map<std::string, conf::Port>;  ///< by what a descriptor's link says

/// TCP connections that came in: at a port that somebody listens at.
Ports accepted_connections() {
    std::set<conf::Port> listening;
    for (const auto& one : netfilter::waiting_sockets(conf::Protocol::tcp)) {
        listening.insert(one.port);
    }
    Ports ports;
    for (const auto& one : netfilter::OpenSockets{}.list(conf::Protocol::tcp)) {
        if (one.inode == 0 || !listening.contains(one.lport)) continue;
        ports.emplace("socket:[" + std::to_string(one.inode) + "]", one.lport);
    }
    return ports;
}

std::optional<conf::Port> port_held_by(pid_t process, const Ports& ports) {
    std::error_code error;
    const fs::path folder = "/proc/" + std::to_string(process) + "/fd";
    for (fs::directory_iterator entry{folder, error}, end; !error && entry != end;
         entry.increment(error)) {
        std::error_code unreadable;
        const auto found = ports.find(fs::read_symlink(*entry, unreadable).native());
        if (!unreadable && found != ports.end()) return found->second;
    }
    return std::nullopt;
}

std::optional<conf::Port> port_of_ancestors() try {
    const auto ports = accepted_connections();
    if (ports.empty()) return std::nullopt;
    pid_t process = ::getpid();
    for (int i = 0; i < ancestors_max && process > 0; ++i) {
        if (const auto port = port_held_by(process, ports)) return port;
        process = parent_of(process);
    }
    return std::nullopt;
} catch (const std::system_error&) {
    return std::nullopt;  // no sock_diag
}

}  // namespace

std::optional<conf::Port> port_of_ssh_connection(std::string_view value) {
    if (std::ranges::count(value, ' ') != 3) return std::nullopt;
    value.remove_prefix(value.rfind(' ') + 1);
    conf::Port port = 0;
    const auto* const end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, port);
    if (error != std::errc{} || stop != end || port == 0) return std::nullopt;
    return port;
}

std::optional<conf::Port> session_port() {
    if (const auto port = port_of_ancestors()) return port;
    const char* const value = std::getenv("SSH_CONNECTION");
    return value == nullptr ? std::nullopt : port_of_ssh_connection(value);
}

}  // namespace meshgate::redirect
