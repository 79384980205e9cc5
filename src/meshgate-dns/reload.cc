#include "conf/load.h"
#include "src/common/errors.h"
#include "src/common/log.h"
#include "src/meshgate-dns/admin_client.h"
#include "src/meshgate-dns/verbs.h"

#include <csignal>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace meshgate::dnsd {
namespace {

constexpr std::chrono::seconds patience{60};  // a million names take some seconds
constexpr std::chrono::milliseconds poll_first{2};
constexpr std::chrono::milliseconds poll_most{100};

std::optional<StatusReport> ask(const conf::Dns& dns, pid_t& process) {
    const auto answer = ask_admin(dns, "/api/v1/status");
    if (!answer) return std::nullopt;
    StatusReport report = parse_status(answer->body);
    process = answer->peer.value_or(static_cast<pid_t>(report.pid));
    return report;
}

/// The line "admin = ..." of the section [dns], as a configuration of its own; empty without one.
std::string admin_line(std::istream& file) {
    bool in_section = false;
    for (std::string line; std::getline(file, line);) {
        const auto word = line.find_first_not_of(" \t");
        if (word == line.npos) continue;
        if (line[word] == '[') in_section = line.compare(word, 5, "[dns]") == 0;
        if (in_section && line.compare(word, 5, "admin") == 0) return "[dns]\n" + line + "\n";
    }
    return "";
}

/// Whom to ask. A file that is wrong must not keep the server's own words about it from the person
/// who asks for them, so of such a file at least the address is read.
conf::Dns dns_section(const std::optional<std::string>& file) {
    try {
        return conf::load_or_default(file).config.dns;
    } catch (const conf::Error&) {
        std::ifstream text{file.value_or(std::string{conf::default_path})};
        if (!text) throw;
        return conf::parse(admin_line(text), "dns.admin").config.dns;
    }
}

ExitCode not_running() {
    log::error("not running");
    return ExitCode::absent;
}

/// Says what came of it, a problem a line.
ExitCode report(const StatusReport::Reload& outcome) {
    std::istringstream lines{outcome.error};
    for (std::string line; std::getline(lines, line);) {
        outcome.ok ? log::warning(line) : log::error(line);
    }
    return outcome.ok ? ExitCode::done : ExitCode::failed;
}

}  // namespace

ExitCode reload(const Invocation& invocation) {
    const conf::Dns dns = dns_section(invocation.config);
    pid_t process = 0;
    const auto before = ask(dns, process);
    if (!before) return not_running();
    if (process <= 1) throw std::runtime_error("the server's process is not known");
    if (::kill(process, SIGHUP) != 0) {
        if (errno == ESRCH) return not_running();
        const std::string what = "signal to process " + std::to_string(process);
        if (errno == EPERM) throw NotPermitted(what + ": " + std::strerror(errno));
        throw_errno(what);
    }
    const auto end = std::chrono::steady_clock::now() + patience;
    for (auto pause = poll_first; std::chrono::steady_clock::now() < end;
         pause = std::min(pause * 2, poll_most)) {
        std::this_thread::sleep_for(pause);
        const auto now = ask(dns, process);
        if (!now) return not_running();
        if (now->reload.count != before->reload.count) return report(now->reload);
    }
    throw std::runtime_error("no outcome after 60 s; see meshgate-dns status");
}

}  // namespace meshgate::dnsd
