#include "src/meshgate-redirect/doctor/ssh_session.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <algorithm>
#include <sstream>
#include <string>

namespace meshgate::redirect {
namespace {

constexpr std::string_view variable = "SSH_CONNECTION=";
constexpr int max_ancestors = 32;

pid_t parent_process(pid_t pid) {
    std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string key; in >> key;) {
        pid_t parent = 0;
        if (key == "PPid:") return in >> parent ? parent : 0;
        std::getline(in, key);
    }
    return 0;
}

std::optional<SshSession> session_of(pid_t pid) {
    std::ifstream in{"/proc/" + std::to_string(pid) + "/environ"};
    for (std::string each; std::getline(in, each, '\0');) {
        if (each.starts_with(variable)) return parse_ssh_connection(each.substr(variable.size()));
    }
    return std::nullopt;
}

}  // namespace

std::optional<SshSession> parse_ssh_connection(std::string_view text) {
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
    if (const char* const own = std::getenv("SSH_CONNECTION")) return parse_ssh_connection(own);
    pid_t pid = ::getppid();
    for (int i = 0; i < max_ancestors && pid > 1; ++i) {
        if (auto session = session_of(pid)) return session;
        pid = parent_process(pid);
    }
    return std::nullopt;
}

}  // namespace meshgate::redirect
