#include "src/meshgate-redirect/doctor/guard_view.h"

#include "src/daemon/admin_client.h"
#include "src/meshgate-redirect/guard/pause.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view unit_name = "meshgate-guard.service";
constexpr std::chrono::seconds patience{2};
constexpr std::size_t max_lines = 20;

std::optional<pid_t> pid_of(std::string_view socket) {
    socket.remove_prefix(std::min(socket.size(), guard_socket_start.size()));
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(socket.data(), socket.data() + socket.size(), pid);
    if (error != std::errc{} || end != socket.data() + socket.size()) return std::nullopt;
    return pid;
}

std::string command_line_of(pid_t pid) {
    std::ifstream in{"/proc/" + std::to_string(pid) + "/cmdline"};
    std::string words{std::istreambuf_iterator<char>{in}, {}};
    while (words.ends_with('\0')) words.pop_back();
    std::ranges::replace(words, '\0', ' ');
    return words;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty() && lines.size() < max_lines) {
        const auto end = std::min(text.find('\n'), text.size());
        if (end != 0) lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

bool is_one(std::string_view metrics, std::string_view family) {
    const auto samples = samples_of(metrics, family);
    return samples.contains("") && samples.at("") == "1";
}

void ask(const conf::Guard& guard, GuardView& view) {
    const auto get = [&guard](const char* path) {
        auto answer = daemon::ask_admin(guard.admin, path, "GET", patience);
        if (!answer) throw std::runtime_error("it does not answer at [guard] admin");
        return std::move(*answer);
    };
    const auto ready = get("/readyz");
    if (ready.peer && view.pid && *ready.peer != *view.pid) {
        throw std::runtime_error("at [guard] admin another process answers, " +
                                 std::to_string(*ready.peer));
    }
    if (ready.status != 200) view.complaints = lines_of(ready.body);
    const auto metrics = get("/metrics");
    view.is_fight = is_one(metrics.body, "meshgate_guard_backing_off");
    view.repairs = samples_of(metrics.body, "meshgate_guard_repairs_total");
}

}  // namespace

std::optional<std::string> enabled_unit(std::string_view unit,
                                        std::span<const std::string> folders) {
    for (const auto& folder : folders) {
        std::error_code error;
        for (fs::directory_iterator entry{folder, error}, end; !error && entry != end;
             entry.increment(error)) {
            const auto extension = entry->path().extension();
            if (extension != ".wants" && extension != ".requires") continue;
            const auto link = entry->path() / unit;
            std::error_code none;
            if (fs::is_symlink(fs::symlink_status(link, none))) return link.string();
        }
    }
    return std::nullopt;
}

std::map<std::string, std::string> samples_of(std::string_view metrics, std::string_view family) {
    std::map<std::string, std::string> samples;
    while (!metrics.empty() && samples.size() < max_lines) {
        const auto end = std::min(metrics.find('\n'), metrics.size());
        auto line = metrics.substr(0, end);
        metrics.remove_prefix(std::min(end + 1, metrics.size()));
        if (!line.starts_with(family)) continue;
        line.remove_prefix(family.size());
        const auto blank = line.rfind(' ');
        if (blank == line.npos) continue;
        auto label = line.substr(0, blank);
        if (!label.empty() && !label.starts_with('{')) continue;  // another family's, whose name is longer
        const auto open = label.find('"'), close = label.rfind('"');
        label = close > open && close != label.npos ? label.substr(open + 1, close - open - 1) : "";
        samples.emplace(label, line.substr(blank + 1));
    }
    return samples;
}

GuardView see_guard(const conf::Guard& guard, std::vector<std::string>& not_looked_at) {
    const std::array<std::string, 3> folders{"/etc/systemd/system", "/run/systemd/system",
                                             "/usr/lib/systemd/system"};
    GuardView view;
    if (auto link = enabled_unit(unit_name, folders)) {
        view.wanted_by = std::move(*link);
    } else if (guard != conf::Guard{}) {
        view.wanted_by = "[guard] of the configuration";
    }
    view.is_wanted = !view.wanted_by.empty();
    const auto socket = find_guard();
    if (!socket) return view;
    view.pid = pid_of(*socket);
    if (!view.pid) return view;
    view.command_line = command_line_of(*view.pid);
    const std::string what = "what the guard (process " + std::to_string(*view.pid) + ") does: ";
    if (guard.admin.empty()) {
        not_looked_at.push_back(what + "[guard] admin is off");
        return view;
    }
    try {
        ask(guard, view);
    } catch (const std::runtime_error& error) {
        not_looked_at.push_back(what + error.what());
    }
    return view;
}

}  // namespace meshgate::redirect
