#include "src/meshgate-redirect/doctor/processes.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number number{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return number;
}

/// "socket:[4711]"
std::optional<std::uint32_t> socket_inode(std::string_view target) {
    constexpr std::string_view begin = "socket:[";
    if (!target.starts_with(begin) || !target.ends_with(']')) return std::nullopt;
    return number_in<std::uint32_t>(target.substr(begin.size(), target.size() - begin.size() - 1));
}

/// @return false when they are not to be seen.
bool read_sockets(const fs::path& folder, std::set<std::uint32_t>& inodes) {
    std::error_code error;
    for (fs::directory_iterator entry{folder / "fd", error}, end; !error && entry != end;
         entry.increment(error)) {
        std::error_code unreadable;
        const auto target = fs::read_symlink(*entry, unreadable);
        if (unreadable) continue;
        if (const auto inode = socket_inode(target.native())) inodes.insert(*inode);
    }
    return error != std::errc::permission_denied;
}

/// /proc/PID/status, proc(5): "Name:", "PPid:", and "Uid:" with four numbers, the last of which is
/// the user of what it creates.
bool read_status(const fs::path& folder, Process& process) {
    std::ifstream in{folder / "status"};
    bool found = false;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        std::string key;
        words >> key;
        if (key == "Name:") words >> process.program;
        if (key == "PPid:") words >> process.parent;
        if (key == "Uid:") {
            conf::Uid real = 0, effective = 0, saved = 0;
            words >> real >> effective >> saved >> process.uid;
            found = static_cast<bool>(words);
            break;
        }
    }
    return found;
}

}  // namespace

Processes read_processes(const std::string& proc) {
    Processes all;
    std::error_code error;
    for (fs::directory_iterator entry{proc, error}, end; !error && entry != end;
         entry.increment(error)) {
        const auto pid = number_in<pid_t>(entry->path().filename().native());
        if (!pid) continue;
        Process process;
        process.pid = *pid;
        if (!read_status(entry->path(), process)) continue;
        all.all_sockets &= read_sockets(entry->path(), process.inodes);
        all.list.push_back(std::move(process));
    }
    return all;
}

}  // namespace meshgate::redirect
