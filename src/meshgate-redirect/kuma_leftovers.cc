#include "src/meshgate-redirect/kuma_leftovers.h"

#include "src/meshgate-redirect/printable.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

/// /tmp is everybody's: more than these are no help, and a folder with a million files no trap.
constexpr std::size_t most_files = 10'000;

bool is_rule_backup(std::string_view name) {
    if (!name.ends_with(".txt.backup")) return false;
    return name.starts_with("iptables-rules.") || name.starts_with("ip6tables-rules.");
}

std::vector<std::string> rule_backups(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    std::size_t seen = 0;
    for (fs::directory_iterator at{folder, error}, end; !error && at != end && seen < most_files;
         at.increment(error), ++seen) {
        const auto name = at->path().filename().string();
        std::error_code unknown;
        if (is_rule_backup(name) && fs::is_regular_file(at->symlink_status(unknown))) {
            names.push_back(at->path().string());
        }
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace

std::vector<std::string> kuma_leftovers(const std::string& root) {
    std::vector<std::string> lines;
    const fs::path top{root};
    std::error_code error;
    const auto resolv_conf = top / "etc/resolv.conf.kuma-backup";
    if (fs::exists(resolv_conf, error)) {
        lines.push_back(resolv_conf.string() + " is left: an old kumactl's copy of resolv.conf");
    }
    const auto backups = rule_backups(top / "tmp");
    if (backups.empty()) return lines;
    const auto more = backups.size() - 1;
    lines.push_back(printable(backups.front()) +
                    (more == 0 ? " is" : " and " + std::to_string(more) + " more are") +
                    " left: kumactl's copies of all rules of iptables, from before its changes");
    return lines;
}

}  // namespace meshgate::redirect
