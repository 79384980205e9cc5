#include "src/meshgate-redirect/doctor/system_settings.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace meshgate::redirect {
namespace {

constexpr std::array single{"net/ipv4/ip_forward",
                            "net/ipv6/conf/all/forwarding",
                            "net/ipv6/bindv6only",
                            "net/netfilter/nf_conntrack_count",
                            "net/netfilter/nf_conntrack_max",
                            "net/netfilter/nf_log_all_netns"};
constexpr std::array of_interfaces{"rp_filter", "route_localnet"};
constexpr const char* interfaces = "net/ipv4/conf";

void read(const std::string& folder, const std::string& name,
          std::map<std::string, std::string>& settings) {
    std::ifstream in{folder + "/" + name};
    std::string value;
    if (in >> value) settings.emplace(name, std::move(value));
}

}  // namespace

std::map<std::string, std::string> read_settings(const std::string& folder) {
    std::map<std::string, std::string> settings;
    for (const char* name : single) read(folder, name, settings);
    std::error_code error;
    for (std::filesystem::directory_iterator entry{folder + "/" + interfaces, error}, end;
         !error && entry != end; entry.increment(error)) {
        const auto interface = std::string{interfaces} + "/" + entry->path().filename().string();
        for (const char* name : of_interfaces) {
            read(folder, interface + "/" + name, settings);
        }
    }
    return settings;
}

}  // namespace meshgate::redirect
