#include "src/meshgate-redirect/guard/holder.h"

#include "netfilter/nftnl/kernel.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/engine.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/socket_owners.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/netlink.h>

#include <array>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>

namespace meshgate::redirect {
namespace {

int process_with_port(std::uint32_t port) {
    std::ifstream in{"/proc/self/net/netlink"};
    const std::string table{std::istreambuf_iterator<char>{in}, {}};
    const auto inode = inode_of_port(table, port);
    if (inode == 0) return 0;
    const auto owners = socket_owners({inode});
    return owners.empty() ? 0 : owners.front().process;
}

/// By capget(2): where there is no /proc, too.
bool is_privileged() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
    return (sets[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0;
}

}  // namespace

std::uint32_t inode_of_port(std::string_view table, std::uint32_t port) {
    std::istringstream lines{std::string{table}};
    std::string line;
    std::getline(lines, line);  // "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode"
    while (std::getline(lines, line)) {
        std::istringstream words{line};
        std::string address, ignored;
        unsigned protocol = 0;
        std::uint32_t its_port = 0, inode = 0;
        if (!(words >> address >> protocol >> its_port) || protocol != NETLINK_NETFILTER ||
            its_port != port) {
            continue;
        }
        for (int i = 0; i < 6; ++i) words >> ignored;
        if (words >> inode) return inode;
    }
    return 0;
}

std::optional<Holder> find_holder() {
    const auto port = netfilter::Kernel{}.holder(table_name);
    if (port == 0) return std::nullopt;
    const auto guard = find_guard();
    if (guard) return Holder{.process = process_of_guard(*guard), .has_socket = true};
    return Holder{.process = process_with_port(port), .has_socket = false};
}

std::string name_of(const Holder& holder) {
    return holder.process == 0
               ? "a guard that cannot be seen from here (another container?)"
               : "the guard (process " + std::to_string(holder.process) + ")";
}

std::string held_advice() noexcept try {
    const auto holder = is_privileged() ? find_holder() : std::nullopt;
    if (!holder) return {};
    const auto held = name_of(*holder) + " holds the rules: nobody else can change them. ";
    if (holder->has_socket) return held + "install and uninstall ask it to let go: try again";
    return held + "It does not answer here; end it first (systemctl stop meshgate-guard" +
           (holder->process == 0 ? ")" : ", or kill " + std::to_string(holder->process) + ")");
} catch (const std::exception&) {
    return {};
}

}  // namespace meshgate::redirect
