#include "src/meshgate-redirect/socket_owners.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

using Targets = std::set<std::string>;  ///< what the links of descriptors say: "socket:[4711]"

bool has_open(const fs::path& process, const Targets& sockets) {
    std::error_code error;
    for (fs::directory_iterator entry{process / "fd", error}, end; !error && entry != end;
         entry.increment(error)) {
        std::error_code unreadable;
        const auto target = fs::read_symlink(*entry, unreadable);
        if (!unreadable && sockets.contains(target.native())) return true;
    }
    return false;
}

/// /proc/PID/status, proc(5): "Name:\tdnsmasq", "Uid:\t" and four numbers, the last of which is the
/// user of what it creates.
SocketOwner read_owner(const fs::path& process) {
    SocketOwner owner;
    owner.process = static_cast<int>(std::strtol(process.filename().c_str(), nullptr, 10));
    std::ifstream in{process / "status"};
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        std::string key;
        words >> key;
        if (key == "Name:") words >> owner.program;
        if (key == "Uid:") {
            conf::Uid real = 0, effective = 0, saved = 0;
            words >> real >> effective >> saved >> owner.uid;
            break;
        }
    }
    return owner;
}

bool is_number(const std::string& name) {
    return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<SocketOwner> socket_owners(const std::vector<std::uint32_t>& inodes) {
    std::vector<SocketOwner> owners;
    if (inodes.empty()) return owners;
    Targets sockets;
    for (const auto inode : inodes) sockets.insert("socket:[" + std::to_string(inode) + "]");
    std::error_code error;
    for (fs::directory_iterator entry{"/proc", error}, end; !error && entry != end;
         entry.increment(error)) {
        const auto& process = entry->path();
        if (is_number(process.filename()) && has_open(process, sockets)) {
            owners.push_back(read_owner(process));
        }
    }
    return owners;
}

}  // namespace meshgate::redirect
